package build_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/offline"
	"github.com/sheenapps/sheen/store"
)

// updating starts an update of a build's project.
func (b *testBundle) updating(of *buildv1.Build, prompt string) string {
	b.t.Helper()
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		ProjectId: of.GetProjectId(), Prompt: prompt, Operation: update,
	})
	must(b.t, err)
	return res.GetBuild().GetId()
}

// tree are the digests of a version's files.
func (b *testBundle) tree(versionID string) map[string]string {
	b.t.Helper()
	rows, err := store.New().VersionFileList(b.t.Context(), b.db, &store.VersionFileListParams{VersionID: uuid.MustParse(versionID), PageSize: build.MaxFiles})
	must(b.t, err)
	tree := make(map[string]string, len(rows))
	for _, row := range rows {
		tree[row.Path] = string(row.Digest)
	}
	return tree
}

// checkParent checks which version a version follows.
func (b *testBundle) checkParent(versionID, parent string) {
	b.t.Helper()
	if n := b.number(`SELECT count(*) FROM versions WHERE id = $1 AND parent_version_id = $2`, uuid.MustParse(versionID), uuid.MustParse(parent)); n != 1 {
		b.t.Errorf("version %s does not follow %s", versionID, parent)
	}
}

// An update changes what belongs to it; every other file is that of the version
// before, and only what changed is told as changed.
func TestUpdatesKeepTheRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := offline.New(offline.Options{})
	before := b.run(e)
	for prompt, file := range map[string]string{
		"Add a list of frequently asked questions": "index.html",
		"Add a contact form":                       "contact.html",
		"Add visitor statistics":                   "visits.html",
	} {
		id := b.updating(before, prompt)
		must(t, work(t.Context(), b.newWorker(e), id))
		after := b.build(id)
		if after.GetState() != complete {
			t.Fatalf("%s: %v", prompt, after.GetError())
		}
		was, is := b.tree(before.GetVersionId()), b.tree(after.GetVersionId())
		changed := paths(b.events(id))
		for path := range was {
			if is[path] == "" || (is[path] != was[path]) != slices.Contains(changed, path) {
				t.Errorf("%s: %s changed: %v, told as changed: %v", prompt, path, is[path] != was[path], slices.Contains(changed, path))
			}
		}
		if !slices.Contains(changed, file) || len(is) < len(was) {
			t.Errorf("%s: changed %v, %d files after %d", prompt, changed, len(is), len(was))
		}
		b.checkParent(after.GetVersionId(), before.GetVersionId())
		before = after
	}
}

// updatePlan changes about.html, adds faq.html and leaves index.html out.
func updatePlan() *engine.Plan {
	return &engine.Plan{Title: "Salon Iris", Locale: "en", Files: []engine.PlannedFile{
		{Path: "about.html", Purpose: "who we are"}, {Path: "faq.html", Purpose: "questions"},
	}}
}

func updater(written func(context.Context, []string, engine.Sink) error) *script {
	return &script{
		planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return updatePlan(), nil },
		written: written,
	}
}

// A worker is lost in the middle of an update, and the project gets another
// version meanwhile: the next worker goes on with the same base.
func TestTakeoverOfAnUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.run(&script{})
	id := b.updating(base, "Add questions")
	first := b.pause(id, func(p *paused) *script {
		return updater(func(ctx context.Context, _ []string, s engine.Sink) error {
			if err := write(ctx, s, "about.html", page("new")); err != nil {
				return err
			}
			eventually(t, "the first file is stored", func() bool {
				return b.number(`SELECT count(*) FROM build_files WHERE build_id = $1`, uuid.MustParse(id)) == 1
			})
			p.stand()
			return write(ctx, s, "faq.html", page("of a zombie"))
		})
	})
	b.sweepUp(id)
	b.exec(`INSERT INTO versions (id, project_id, number, root, engine, file_count, size_bytes)
		SELECT gen_random_uuid(), project_id, 99, root, engine, 0, 0 FROM versions WHERE id = $1`, uuid.MustParse(base.GetVersionId()))
	b.exec(`UPDATE projects SET current_version_id = (SELECT id FROM versions WHERE number = 99)`)
	var told []string
	second := updater(func(ctx context.Context, done []string, s engine.Sink) error {
		told = slices.Clone(done)
		return write(ctx, s, "faq.html", page("questions"))
	})
	must(t, work(t.Context(), b.newWorker(second), id))
	done := b.build(id)
	if done.GetState() != complete || !slices.Equal(told, []string{"about.html"}) {
		t.Fatalf("%v %v; the second worker was told that %v is done", done.GetState(), done.GetError(), told)
	}
	before := b.everything(id)
	close(first.wake)
	must(t, <-first.worked)
	if b.everything(id) != before {
		t.Error("the zombie wrote")
	}
	was, is := b.tree(base.GetVersionId()), b.tree(done.GetVersionId())
	want := []string{"about.html", "faq.html", "index.html"}
	if got := slices.Sorted(maps.Keys(is)); !slices.Equal(got, want) || is["index.html"] != was["index.html"] || is["about.html"] == was["about.html"] {
		t.Errorf("the new version has %v", got)
	}
	if got := paths(b.events(id)); !slices.Equal(got, []string{"about.html", "faq.html"}) {
		t.Errorf("told as changed: %v", got)
	}
	b.checkParent(done.GetVersionId(), base.GetVersionId())
}

func TestAnUpdateDropsFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.run(&script{})
	id := b.updating(base, "Take the page about us out")
	plan := updatePlan()
	plan.Files, plan.Dropped = plan.Files[1:], []string{"about.html"}
	must(t, work(t.Context(), b.newWorker(&script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return plan, nil }}), id))
	done := b.build(id)
	if got := slices.Sorted(maps.Keys(b.tree(done.GetVersionId()))); !slices.Equal(got, []string{"faq.html", "index.html"}) {
		t.Errorf("%v with %v", done.GetState(), got)
	}
}

// An update that has nothing to change ends with a version like the one before.
func TestAnUpdateOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.run(&script{})
	id := b.updating(base, "Leave it")
	e := updater(func(context.Context, []string, engine.Sink) error { return nil })
	e.planned = func(context.Context, engine.Sink) (*engine.Plan, error) {
		return &engine.Plan{Title: "Salon Iris"}, nil
	}
	must(t, work(t.Context(), b.newWorker(e), id))
	done := b.build(id)
	if done.GetState() != complete || !maps.Equal(b.tree(base.GetVersionId()), b.tree(done.GetVersionId())) {
		t.Errorf("%v %v with %d files", done.GetState(), done.GetError(), len(b.tree(done.GetVersionId())))
	}
	if got := paths(b.events(id)); len(got) > 0 {
		t.Errorf("told as changed: %v", got)
	}
}

// An update that stops early leaves a whole site behind, one that has written
// nothing leaves nothing.
func TestAnUpdateThatIsCancelled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		written []string
		want    []string
	}{
		{"nothing", nil, nil},
		{"one file", []string{"faq.html"}, []string{"about.html", "faq.html", "index.html"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			base := b.run(&script{})
			id := b.updating(base, "Add questions")
			w := b.newWorker(updater(func(ctx context.Context, _ []string, s engine.Sink) error {
				for _, path := range test.written {
					if err := write(ctx, s, path, page(path)); err != nil {
						return err
					}
				}
				_, err := b.cancel(id)
				must(t, err)
				<-ctx.Done()
				return context.Cause(ctx)
			}))
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go w.Watch(ctx)
			must(t, work(t.Context(), w, id))
			done, got := b.build(id), []string(nil)
			if done.GetVersionId() != "" {
				got = slices.Sorted(maps.Keys(b.tree(done.GetVersionId())))
			}
			if done.GetState() != cancelled || !slices.Equal(got, test.want) {
				t.Errorf("%v leaves %v, want %v", done.GetState(), got, test.want)
			}
		})
	}
}

// The limits are those of the whole site, with what an update took over.
func TestAnUpdateKeepsToTheLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.run(&script{})
	b.exec(`UPDATE version_files SET size_bytes = $1 WHERE path = 'index.html'`, int64(build.MaxSiteBytes))
	id := b.updating(base, "Add questions")
	must(t, work(t.Context(), b.newWorker(updater(func(ctx context.Context, _ []string, s engine.Sink) error {
		return write(ctx, s, "faq.html", page("questions"))
	})), id))
	if done := b.build(id); done.GetError().GetReason() != buildv1.BuildErrorReason_BUILD_ERROR_REASON_LIMIT_EXCEEDED {
		t.Errorf("%v with %v", done.GetState(), done.GetError())
	}
}
