package build_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
)

const elsewhere = "elsewhere"

// fakeTarget is a target that does what a test tells it.
type fakeTarget struct {
	mu    sync.Mutex
	roots []preview.Digest
	// do is asked with the number of the call, from 1; nil always works.
	do func(ctx context.Context, call int) (string, error)
}

func (*fakeTarget) Name() string    { return elsewhere }
func (*fakeTarget) Immediate() bool { return false }

func (f *fakeTarget) Deploy(ctx context.Context, site deploy.Site) (string, error) {
	f.mu.Lock()
	f.roots = append(f.roots, site.Root)
	call := len(f.roots)
	f.mu.Unlock()
	if len(site.Files) == 0 || site.Files[0].Size == 0 {
		return "", errors.New("a site without files")
	}
	if f.do == nil {
		return "https://elsewhere.example/", nil
	}
	return f.do(ctx, call)
}

func (f *fakeTarget) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.roots)
}

// setupTarget is a domain with a target elsewhere and two versions of a project.
func setupTarget(t *testing.T, target *fakeTarget) (b *testBundle, d *build.Deployer, versions [2]*buildv1.Version) {
	t.Helper()
	b = setup(t, func(p *build.Ports) {
		p.Targets = deploy.NewTargets(deploy.NewLocal(p.Origin), target)
	})
	versions[0] = b.site("", map[string]string{"index.html": "one"})
	versions[1] = b.site(versions[0].GetProjectId(), map[string]string{"index.html": "two"})
	return b, build.NewDeployer(b.ports), versions
}

func (b *testBundle) deployTo(target string, version *buildv1.Version) *buildv1.Deployment {
	b.t.Helper()
	res, err := b.DeployVersion(b.ctx(), &buildv1.DeployVersionRequest{
		VersionId: version.GetId(), Target: target, IdempotencyKey: uuid.NewString(),
	})
	must(b.t, err)
	return res.GetDeployment()
}

func (b *testBundle) deployment(id string) *buildv1.Deployment {
	b.t.Helper()
	res, err := b.GetDeployment(b.ctx(), &buildv1.GetDeploymentRequest{DeploymentId: id})
	must(b.t, err)
	return res.GetDeployment()
}

// put works on a deployment's job and returns how long it then sleeps: -1 if it
// is over.
func put(ctx context.Context, t *testing.T, d *build.Deployer, id string) time.Duration {
	t.Helper()
	err := d.Work(ctx, &river.Job[build.DeployArgs]{Args: build.DeployArgs{DeploymentID: uuid.MustParse(id)}})
	if snooze, ok := errors.AsType[*river.JobSnoozeError](err); ok {
		return snooze.Duration
	}
	if err != nil {
		t.Errorf("the job returns %v", err)
	}
	return -1
}

// wantDeployment checks where a deployment stands.
func wantDeployment(t *testing.T, d *buildv1.Deployment, state, reason string, retryable bool) {
	t.Helper()
	gotReason := strings.TrimPrefix(d.GetError().GetReason().String(), "DEPLOYMENT_ERROR_REASON_")
	if d.GetError() == nil {
		gotReason = ""
	}
	if d.GetState().String() != "DEPLOYMENT_STATE_"+state || gotReason != reason || d.GetError().GetRetryable() != retryable ||
		(d.GetEndTime() == nil) != (state == "PENDING") || (d.GetUrl() != "") != (state == "DEPLOYED") {
		t.Errorf("deployment is %v, want %s %s, retryable %v", d, state, reason, retryable)
	}
}

func TestDeployLocal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.site("", map[string]string{"index.html": "one"})
	second := b.site(first.GetProjectId(), map[string]string{"index.html": "two"})
	sites := build.NewVersions(b.db)
	shown := func() string {
		t.Helper()
		version, err := sites.DeployedVersion(t.Context(), uuid.MustParse(first.GetProjectId()))
		if errors.Is(err, preview.ErrNotFound) {
			return ""
		}
		must(t, err)
		return version.String()
	}
	if got := shown(); got != "" {
		t.Errorf("shows %s before anything is deployed", got)
	}
	url := b.ports.Origin.SiteURL(uuid.MustParse(first.GetProjectId()))
	var deployed []string
	for _, version := range []*buildv1.Version{first, second, first} {
		d := b.deployTo("", version)
		wantDeployment(t, d, "DEPLOYED", "", false)
		if d.GetUrl() != url || d.GetRoot() != version.GetRoot() || d.GetTarget() != "local" || d.GetProjectId() != version.GetProjectId() {
			t.Errorf("deployment %v", d)
		}
		if got := shown(); got != version.GetId() {
			t.Errorf("shows %s, want %s", got, version.GetId())
		}
		deployed = append([]string{d.GetId()}, deployed...)
	}

	var listed []string
	var token string
	for page := 0; page == 0 || token != ""; page++ {
		res, err := b.ListDeployments(b.ctx(), &buildv1.ListDeploymentsRequest{ProjectId: first.GetProjectId(), PageSize: 2, PageToken: token})
		must(t, err)
		for _, d := range res.GetDeployments() {
			listed = append(listed, d.GetId())
		}
		if token = res.GetNextPageToken(); token != "" {
			_, err := b.ListVersions(b.ctx(), &buildv1.ListVersionsRequest{ProjectId: first.GetProjectId(), PageToken: token})
			wantReason(t, "a token of another list", err, "PAGE_TOKEN_INVALID")
		}
	}
	if !slices.Equal(listed, deployed) {
		t.Errorf("listed %v, want %v", listed, deployed)
	}

	stranger := b.as(uuid.New())
	_, err := b.DeployVersion(stranger, &buildv1.DeployVersionRequest{VersionId: first.GetId(), IdempotencyKey: "k"})
	wantReason(t, "another's version", err, "NOT_FOUND")
	_, err = b.GetDeployment(stranger, &buildv1.GetDeploymentRequest{DeploymentId: deployed[0]})
	wantReason(t, "another's deployment", err, "NOT_FOUND")
	_, err = b.ListDeployments(stranger, &buildv1.ListDeploymentsRequest{ProjectId: first.GetProjectId()})
	wantReason(t, "another's project", err, "NOT_FOUND")
	_, err = b.DeployVersion(b.ctx(), &buildv1.DeployVersionRequest{VersionId: first.GetId(), Target: "ftp", IdempotencyKey: "k"})
	wantReason(t, "an unknown target", err, "INVALID_FIELD")
	if message := fault.Of(err).Message; !strings.Contains(message, "it has: local.") || strings.Contains(message, "ftp") {
		t.Errorf("says %q", message)
	}

	// Whatever a version became, what was deployed is its root.
	b.exec("UPDATE versions SET root = sha256('x') WHERE id = $1", first.GetId())
	if got := shown(); got != "" {
		t.Errorf("shows %s, which is not what was deployed", got)
	}
}

func TestDeployVersionRepeats(t *testing.T) {
	t.Parallel()
	b, _, versions := setupTarget(t, &fakeTarget{})
	ids := make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			res, err := b.DeployVersion(b.ctx(), &buildv1.DeployVersionRequest{VersionId: versions[0].GetId(), Target: elsewhere, IdempotencyKey: "k"})
			if err != nil {
				t.Error(err)
			}
			ids[i] = res.GetDeployment().GetId()
		})
	}
	group.Wait()
	slices.Sort(ids)
	if ids[0] == "" || ids[0] != ids[len(ids)-1] {
		t.Errorf("made %v", ids)
	}
	if n := b.number("SELECT count(*) FROM deployments"); n != 1 {
		t.Errorf("%d deployments", n)
	}
	if n := b.number("SELECT count(*) FROM river_job WHERE kind = 'deploy' AND queue = 'deploys' AND args->>'deployment_id' = $1", ids[0]); n != 1 {
		t.Errorf("%d jobs", n)
	}
	for _, req := range []*buildv1.DeployVersionRequest{
		{VersionId: versions[1].GetId(), Target: elsewhere}, {VersionId: versions[0].GetId(), Target: "local"},
	} {
		req.IdempotencyKey = "k"
		_, err := b.DeployVersion(b.ctx(), req)
		wantReason(t, "another request", err, "IDEMPOTENCY_KEY_REUSED")
	}
	// A key is of one procedure.
	if _, err := b.restore(versions[0].GetId(), "k"); err != nil {
		t.Error(err)
	}
}

func TestDeployJob(t *testing.T) {
	t.Parallel()
	target := &fakeTarget{}
	b, d, versions := setupTarget(t, target)
	asked := b.deployTo(elsewhere, versions[0])
	wantDeployment(t, asked, "PENDING", "", false)
	for range 2 { // One job too many does no harm.
		if pause := put(t.Context(), t, d, asked.GetId()); pause != -1 {
			t.Errorf("sleeps %v", pause)
		}
	}
	done := b.deployment(asked.GetId())
	wantDeployment(t, done, "DEPLOYED", "", false)
	if done.GetUrl() != "https://elsewhere.example/" || done.GetAttempt() != 1 || target.calls() != 1 {
		t.Errorf("%d calls made %v", target.calls(), done)
	}
	if got := target.roots[0].String(); got != versions[0].GetRoot() {
		t.Errorf("deployed %s, want %s", got, versions[0].GetRoot())
	}
	// What is shown elsewhere is not shown here.
	if _, err := build.NewVersions(b.db).DeployedVersion(t.Context(), uuid.MustParse(versions[0].GetProjectId())); !errors.Is(err, preview.ErrNotFound) {
		t.Errorf("shown here: %v", err)
	}
	if pause := put(t.Context(), t, d, uuid.NewString()); pause != -1 {
		t.Errorf("a deployment that is not there sleeps %v", pause)
	}
}

func TestDeployJobRetries(t *testing.T) {
	t.Parallel()
	target := &fakeTarget{do: func(context.Context, int) (string, error) {
		return "", &deploy.Error{Reason: deploy.RateLimited, Retryable: true, Err: errors.New("slow down")}
	}}
	b, d, versions := setupTarget(t, target)
	id := b.deployTo(elsewhere, versions[0]).GetId()
	for attempt, seconds := range []int{10, 20, 40, 80, 160} {
		pause := time.Duration(seconds) * time.Second
		if got := put(t.Context(), t, d, id); got < pause || got > pause*5/4 {
			t.Errorf("sleeps %v after attempt %d, want %v", got, attempt+1, pause)
		}
		wantDeployment(t, b.deployment(id), "PENDING", "RATE_LIMITED", true)
	}
	if got := put(t.Context(), t, d, id); got != -1 {
		t.Errorf("sleeps %v after the last attempt", got)
	}
	wantDeployment(t, b.deployment(id), "FAILED", "RATE_LIMITED", true)
	put(t.Context(), t, d, id)
	if target.calls() != 6 {
		t.Errorf("%d attempts", target.calls())
	}
	// One that works in the end shows no error.
	target.do = func(_ context.Context, call int) (string, error) {
		if call == 7 {
			return "", errors.New("of no known kind")
		}
		return "https://elsewhere.example/7", nil
	}
	id = b.deployTo(elsewhere, versions[0]).GetId()
	put(t.Context(), t, d, id)
	wantDeployment(t, b.deployment(id), "PENDING", "INTERNAL", true)
	put(t.Context(), t, d, id)
	wantDeployment(t, b.deployment(id), "DEPLOYED", "", false)
}

func TestDeployJobGivesUp(t *testing.T) {
	t.Parallel()
	target := &fakeTarget{do: func(context.Context, int) (string, error) {
		return "", &deploy.Error{Reason: deploy.NotAuthenticated, Err: errors.New("who are you")}
	}}
	b, d, versions := setupTarget(t, target)
	id := b.deployTo(elsewhere, versions[0]).GetId()
	if got := put(t.Context(), t, d, id); got != -1 {
		t.Errorf("sleeps %v", got)
	}
	wantDeployment(t, b.deployment(id), "FAILED", "NOT_AUTHENTICATED", false)

	id = b.deployTo(elsewhere, versions[0]).GetId()
	without := b.ports
	without.Targets = deploy.NewTargets(deploy.NewLocal(b.ports.Origin))
	put(t.Context(), t, build.NewDeployer(without), id)
	wantDeployment(t, b.deployment(id), "FAILED", "TARGET_REMOVED", false)

	id = b.deployTo(elsewhere, versions[0]).GetId()
	b.exec("UPDATE deployments SET attempt = 6 WHERE id = $1", id) // Its workers were lost.
	put(t.Context(), t, d, id)
	wantDeployment(t, b.deployment(id), "FAILED", "INTERNAL", true)
	if target.calls() != 1 {
		t.Errorf("%d attempts", target.calls())
	}
}

// An older deployment that is tried again does not overwrite a newer one; other
// projects and targets have nothing to do with it.
func TestNewestDeploymentWins(t *testing.T) {
	t.Parallel()
	target := &fakeTarget{do: func(_ context.Context, call int) (string, error) {
		if call == 1 {
			return "", &deploy.Error{Reason: deploy.Network, Retryable: true, Err: errors.New("away")}
		}
		return "https://elsewhere.example/", nil
	}}
	b, d, versions := setupTarget(t, target)
	older := b.deployTo(elsewhere, versions[1]).GetId()
	put(t.Context(), t, d, older)
	wantDeployment(t, b.deployment(older), "PENDING", "NETWORK", true)
	b.deployTo("local", versions[0])
	another := b.site("", map[string]string{"index.html": "other"})
	b.deployTo(elsewhere, another)
	newer := b.deployTo(elsewhere, versions[0]).GetId()
	put(t.Context(), t, d, newer)
	wantDeployment(t, b.deployment(newer), "DEPLOYED", "", false)
	if pause := put(t.Context(), t, d, older); pause != -1 {
		t.Errorf("the older one sleeps %v", pause)
	}
	wantDeployment(t, b.deployment(older), "FAILED", "SUPERSEDED", false)
	if last := target.roots[len(target.roots)-1].String(); last != versions[0].GetRoot() || target.calls() != 2 {
		t.Errorf("%d calls, the last one deployed %s", target.calls(), last)
	}
}

// While one is at work, a newer one waits, and then comes last.
func TestDeploymentsDoNotOverlap(t *testing.T) {
	t.Parallel()
	working, goOn := make(chan struct{}), make(chan struct{})
	var at, most atomic.Int32
	target := &fakeTarget{do: func(_ context.Context, call int) (string, error) {
		most.Store(max(most.Load(), at.Add(1)))
		defer at.Add(-1)
		if call == 1 {
			close(working)
			<-goOn
		}
		return "https://elsewhere.example/", nil
	}}
	b, d, versions := setupTarget(t, target)
	older := b.deployTo(elsewhere, versions[0]).GetId()
	var group sync.WaitGroup
	group.Go(func() { put(t.Context(), t, d, older) })
	<-working
	newer := b.deployTo(elsewhere, versions[1]).GetId()
	for _, id := range []string{newer, older} {
		if pause := put(t.Context(), t, build.NewDeployer(b.ports), id); pause != 3*time.Second {
			t.Errorf("sleeps %v while another is at work", pause)
		}
	}
	close(goOn)
	group.Wait()
	if pause := put(t.Context(), t, d, newer); pause != -1 {
		t.Errorf("sleeps %v", pause)
	}
	wantDeployment(t, b.deployment(older), "DEPLOYED", "", false)
	wantDeployment(t, b.deployment(newer), "DEPLOYED", "", false)
	if got := target.roots[len(target.roots)-1].String(); target.calls() != 2 || most.Load() != 1 || got != versions[1].GetRoot() {
		t.Errorf("%d calls, %d at once, the last one deployed %s", target.calls(), most.Load(), got)
	}
}

// A worker that was lost is replaced when its lease is over, and what it writes
// when it comes back does not count.
func TestDeploymentIsRescued(t *testing.T) {
	t.Parallel()
	var b *testBundle
	var id string
	target := &fakeTarget{}
	target.do = func(ctx context.Context, call int) (string, error) {
		if call > 1 {
			return "https://elsewhere.example/rescued", nil
		}
		other := build.NewDeployer(b.ports)
		if pause := put(ctx, t, other, id); pause != 3*time.Second {
			t.Errorf("under a lease, another worker sleeps %v", pause)
		}
		b.exec("UPDATE deployments SET lease_expire_time = clock_timestamp() WHERE id = $1", id)
		if pause := put(ctx, t, other, id); pause != -1 {
			t.Errorf("after the lease, another worker sleeps %v", pause)
		}
		return "https://elsewhere.example/lost", nil
	}
	b, d, versions := setupTarget(t, target)
	id = b.deployTo(elsewhere, versions[0]).GetId()
	put(t.Context(), t, d, id)
	done := b.deployment(id)
	wantDeployment(t, done, "DEPLOYED", "", false)
	if done.GetUrl() != "https://elsewhere.example/rescued" || done.GetAttempt() != 2 || target.calls() != 2 {
		t.Errorf("%d calls made %v", target.calls(), done)
	}
}

// A node that stops gives a deployment back, and the attempt does not count.
func TestDeploymentIsGivenBack(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	target := &fakeTarget{do: func(ctx context.Context, call int) (string, error) {
		if call == 1 {
			stop()
			return "", ctx.Err()
		}
		return "https://elsewhere.example/", nil
	}}
	b, d, versions := setupTarget(t, target)
	id := b.deployTo(elsewhere, versions[0]).GetId()
	if pause := put(ctx, t, d, id); pause != 0 {
		t.Errorf("sleeps %v", pause)
	}
	given := b.deployment(id)
	wantDeployment(t, given, "PENDING", "", false)
	if given.GetAttempt() != 0 {
		t.Errorf("given back as %v", given)
	}
	put(t.Context(), t, d, id)
	wantDeployment(t, b.deployment(id), "DEPLOYED", "", false)
}
