package build_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// site makes a version of a project, a new one if that is empty, of these pages:
// titles by path.
func (b *testBundle) site(project string, pages map[string]string) *buildv1.Version {
	b.t.Helper()
	started, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{ProjectId: project, Prompt: "A booking site for my hair salon"})
	must(b.t, err)
	plan := &engine.Plan{Title: "Salon Iris", Locale: "en"}
	for path := range pages {
		plan.Files = append(plan.Files, engine.PlannedFile{Path: path, Purpose: "a page"})
	}
	e := &script{
		planned: func(ctx context.Context, sink engine.Sink) (*engine.Plan, error) { return plan, sink.Text(ctx, spoken) },
		written: func(ctx context.Context, _ []string, sink engine.Sink) error {
			for path, title := range pages {
				if err := write(ctx, sink, path, page(title)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	must(b.t, work(b.t.Context(), b.newWorker(e), started.GetBuild().GetId()))
	return b.versionByID(b.build(started.GetBuild().GetId()).GetVersionId())
}

func (b *testBundle) versionByID(id string) *buildv1.Version {
	b.t.Helper()
	res, err := b.GetVersion(b.ctx(), &buildv1.GetVersionRequest{VersionId: id})
	must(b.t, err)
	return res.GetVersion()
}

func (b *testBundle) project(id string) *buildv1.Project {
	b.t.Helper()
	res, err := b.GetProject(b.ctx(), &buildv1.GetProjectRequest{ProjectId: id})
	must(b.t, err)
	return res.GetProject()
}

// digests are those of a version's files, by path.
func (b *testBundle) digests(version string) map[string]string {
	b.t.Helper()
	res, err := b.ListFiles(b.ctx(), &buildv1.ListFilesRequest{VersionId: version})
	must(b.t, err)
	files := map[string]string{}
	for _, f := range res.GetFiles() {
		files[f.GetPath()] = f.GetSha256()
	}
	return files
}

func (b *testBundle) restore(version, key string) (*buildv1.Version, error) {
	res, err := b.RestoreVersion(b.ctx(), &buildv1.RestoreVersionRequest{VersionId: version, IdempotencyKey: key})
	return res.GetVersion(), err
}

// wantReason checks what a caller would be told.
func wantReason(t *testing.T, what string, err error, reason string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", what, reason)
		return
	}
	if got := fault.Of(err).Reason.String(); got != "ERROR_REASON_"+reason {
		t.Errorf("%s: %s (%v), want %s", what, got, err, reason)
	}
}

// based is an engine that notes what an update begins with.
type based struct {
	script

	base []engine.File
}

func (e *based) Plan(ctx context.Context, req engine.Request, sink engine.Sink) (*engine.Plan, engine.Usage, error) {
	e.base = req.Base
	return e.script.Plan(ctx, req, sink)
}

func TestRestoreVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.site("", map[string]string{"index.html": "one", "about.html": "about"})
	project := first.GetProjectId()
	second := b.site(project, map[string]string{"index.html": "two", "contact.html": "contact"})

	restored, err := b.restore(first.GetId(), "k")
	must(t, err)
	if restored.GetNumber() != 3 || restored.GetRoot() != first.GetRoot() || restored.GetParentVersionId() != second.GetId() ||
		restored.GetBuildId() != "" || restored.GetFileCount() != 2 || restored.GetSizeBytes() != first.GetSizeBytes() ||
		restored.GetEngine() != first.GetEngine() || restored.GetInterrupted() {
		t.Errorf("restored %v of %v", restored, first)
	}
	if got, want := b.digests(restored.GetId()), b.digests(first.GetId()); len(got) != 2 || !equal(got, want) {
		t.Errorf("restored files %v, want %v", got, want)
	}
	if p := b.project(project); p.GetCurrentVersionId() != restored.GetId() || p.GetTitle() != "Salon Iris" {
		t.Errorf("the project is %v", p)
	}
	// Old versions stay as they are.
	if got := b.versionByID(second.GetId()); got.GetRoot() != second.GetRoot() || got.GetNumber() != 2 {
		t.Errorf("the second version became %v", got)
	}

	// A repeat gives the same, another request does not.
	again, err := b.restore(first.GetId(), "k")
	if err != nil || again.GetId() != restored.GetId() {
		t.Errorf("again: %v, %v", again, err)
	}
	_, err = b.restore(second.GetId(), "k")
	wantReason(t, "another version", err, "IDEMPOTENCY_KEY_REUSED")
	elsewhere := b.site("", map[string]string{"index.html": "else"})
	_, err = b.restore(elsewhere.GetId(), "k")
	wantReason(t, "another project", err, "IDEMPOTENCY_KEY_REUSED")
	if n := b.number("SELECT count(*) FROM versions WHERE project_id = $1", project); n != 3 {
		t.Errorf("%d versions", n)
	}
	other := b.other(t)
	_, err = other.restore(first.GetId(), "k")
	wantReason(t, "another user", err, "NOT_FOUND")

	// The next update begins with what was restored. While it is not over, nothing
	// is restored, but a repeat is answered.
	started, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		ProjectId: project, Prompt: "Add a page", Operation: billingv1.Operation_OPERATION_UPDATE,
	})
	must(t, err)
	_, err = b.restore(first.GetId(), "k2")
	wantReason(t, "while it builds", err, "BUILD_IN_PROGRESS")
	if again, err := b.restore(first.GetId(), "k"); err != nil || again.GetId() != restored.GetId() {
		t.Errorf("again, while it builds: %v, %v", again, err)
	}
	if id := b.project(project).GetActiveBuildId(); id != started.GetBuild().GetId() {
		t.Errorf("the active build is %q", id)
	}
	e := &based{}
	must(t, work(t.Context(), b.newWorker(e), started.GetBuild().GetId()))
	var base []string
	for _, f := range e.base {
		base = append(base, f.Path)
	}
	slices.Sort(base)
	updated := b.versionByID(b.build(started.GetBuild().GetId()).GetVersionId())
	if !slices.Equal(base, []string{"about.html", "index.html"}) || updated.GetParentVersionId() != restored.GetId() || updated.GetNumber() != 4 {
		t.Errorf("the update began with %v and made %v", base, updated)
	}
	// The refused call's key is free.
	if _, err := b.restore(first.GetId(), "k2"); err != nil {
		t.Errorf("after the build: %v", err)
	}
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if b[key] != value {
			return false
		}
	}
	return true
}

// Many repeats at once make one version, and many calls make one each.
func TestRestoreVersionAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := b.site("", map[string]string{"index.html": "one"})
	ids := make([]string, 12)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			restored, err := b.restore(version.GetId(), []string{"a", "b", "c"}[i%3])
			if err != nil {
				t.Error(err)
			}
			ids[i] = restored.GetId()
		})
	}
	group.Wait()
	for i, id := range ids {
		if id == "" || id != ids[i%3] {
			t.Errorf("call %d made %s, its first one %s", i, id, ids[i%3])
		}
	}
	if n := b.number("SELECT max(number) FROM versions"); n != 4 {
		t.Errorf("the newest version is number %d", n)
	}
	if n := b.number("SELECT count(*) FROM call_keys"); n != 3 {
		t.Errorf("%d keys", n)
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.site("", map[string]string{"index.html": "one", "about.html": "about", "a.html": "a", "z.html": "z"})
	version := b.site(base.GetProjectId(), map[string]string{"index.html": "two!", "about.html": "about", "new.html": "new", "0.html": "0"})
	compare := func(version, base string) *buildv1.CompareVersionsResponse {
		t.Helper()
		res, err := b.CompareVersions(b.ctx(), &buildv1.CompareVersionsRequest{VersionId: version, BaseVersionId: base})
		must(t, err)
		return res
	}
	got := compare(version.GetId(), base.GetId())
	if !slices.Equal(namesOf(got.GetAdded()), []string{"0.html", "new.html"}) ||
		!slices.Equal(namesOf(got.GetRemoved()), []string{"a.html", "z.html"}) || got.GetUnchangedCount() != 1 || len(got.GetChanged()) != 1 {
		t.Fatalf("got %v", got)
	}
	changed := got.GetChanged()[0]
	if changed.GetFile().GetPath() != "index.html" || changed.GetFile().GetSha256() != b.digests(version.GetId())["index.html"] ||
		changed.GetBaseSha256() != b.digests(base.GetId())["index.html"] || changed.GetFile().GetSizeBytes() != changed.GetBaseSizeBytes()+2 {
		t.Errorf("changed %v", changed)
	}
	back := compare(base.GetId(), version.GetId())
	if !slices.Equal(namesOf(back.GetAdded()), namesOf(got.GetRemoved())) || !slices.Equal(namesOf(back.GetRemoved()), namesOf(got.GetAdded())) {
		t.Errorf("the other way around: %v", back)
	}
	if same := compare(base.GetId(), base.GetId()); same.GetUnchangedCount() != 4 || len(same.GetAdded())+len(same.GetRemoved())+len(same.GetChanged()) != 0 {
		t.Errorf("with itself: %v", same)
	}
	other := b.other(t)
	own := other.site("", map[string]string{"index.html": "own"})
	for _, ids := range [][2]string{{own.GetId(), base.GetId()}, {base.GetId(), own.GetId()}, {own.GetId(), uuid.NewString()}} {
		_, err := other.CompareVersions(other.ctx(), &buildv1.CompareVersionsRequest{VersionId: ids[0], BaseVersionId: ids[1]})
		wantReason(t, "another's", err, "NOT_FOUND")
	}
}

func namesOf(files []*buildv1.File) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.GetPath()
	}
	return names
}

func TestListProjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for range 5 {
		want = append(want, b.queued().GetProjectId())
	}
	slices.Reverse(want)
	b.other(t).queued()
	var got []string
	var token string
	for page := 0; page == 0 || token != ""; page++ {
		res, err := b.ListProjects(b.ctx(), &buildv1.ListProjectsRequest{PageSize: 2, PageToken: token})
		must(t, err)
		for _, p := range res.GetProjects() {
			got = append(got, p.GetId())
			if own := b.project(p.GetId()); own.GetActiveBuildId() == "" || own.GetActiveBuildId() != p.GetActiveBuildId() ||
				!own.GetUpdateTime().AsTime().Equal(p.GetUpdateTime().AsTime()) || p.GetCurrentVersionId() != "" {
				t.Errorf("listed as %v, alone %v", p, own)
			}
		}
		token = res.GetNextPageToken()
		if token != "" {
			_, err = b.other(t).ListProjects(b.as(uuid.New()), &buildv1.ListProjectsRequest{PageToken: token})
			wantReason(t, "another's token", err, "PAGE_TOKEN_INVALID")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	_, err := b.GetProject(b.as(uuid.New()), &buildv1.GetProjectRequest{ProjectId: want[0]})
	wantReason(t, "another's project", err, "NOT_FOUND")
	_, err = b.GetProject(b.ctx(), &buildv1.GetProjectRequest{ProjectId: uuid.NewString()})
	wantReason(t, "no project", err, "NOT_FOUND")
}

// A project is one row however many of its builds are not over, and shows the one
// that does not wait.
func TestProjectWithManyBuilds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.queued()
	second, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "Another"})
	must(t, err)
	b.exec("UPDATE builds SET project_id = $1, waiting = true WHERE id = $2", first.GetProjectId(), second.GetBuild().GetId())
	if p := b.project(first.GetProjectId()); p.GetActiveBuildId() != first.GetId() {
		t.Errorf("shows %s, want %s", p.GetActiveBuildId(), first.GetId())
	}
	res, err := b.ListProjects(b.ctx(), &buildv1.ListProjectsRequest{})
	must(t, err)
	if len(res.GetProjects()) != 2 || res.GetProjects()[1].GetActiveBuildId() != first.GetId() {
		t.Errorf("listed %v", res.GetProjects())
	}
}

func TestGetLimits(t *testing.T) {
	t.Parallel()
	b := &testBundle{t: t, Service: build.NewService(build.Ports{DB: &store.DB{}, Limits: build.Limits{BuildTimeout: 90e9, EventRetention: 3600e9}}, nil, nil)}
	got, err := b.GetLimits(b.ctx(), &buildv1.GetLimitsRequest{})
	must(t, err)
	if got.GetMaxPromptBytes() != 16384 || got.GetMaxRequestBytes() != 1<<20 || got.GetMaxFiles() != 500 || got.GetMaxSiteBytes() != 20<<20 ||
		got.GetMaxModelCalls() != 100 || got.GetMaxAttempts() != 3 || got.GetBuildTimeout().GetSeconds() != 90 || got.GetEventRetention().GetSeconds() != 3600 {
		t.Errorf("got %v", got)
	}
	b.Service = build.NewService(build.Ports{DB: &store.DB{}}, nil, nil)
	if got, err := b.GetLimits(b.ctx(), &buildv1.GetLimitsRequest{}); err != nil || got.GetEventRetention() != nil {
		t.Errorf("events for ever: %v, %v", got, err)
	}
}
