package crashes

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/crash"
)

// again are moments that a build comes by several times, and the times at which
// the crash is tried beside the first.
func again() map[string][]string {
	return map[string][]string{
		crash.StateChanging:  {"2", "3", "4"},
		crash.StateChanged:   {"2", "3", "4"},
		crash.PlanSpoken:     {"2"},
		crash.FileStored:     {"5"},
		crash.FileNoted:      {"2"},
		crash.FilesCommitted: {"2"},
	}
}

// undisturbed runs a build without a crash.
func undisturbed(t *testing.T, settings ...string) *trace {
	t.Helper()
	w := newWorld(t, settings...)
	n := w.start(t, w.dir, "api,worker")
	c := w.client(t, n.address(t))
	res, err := start(t.Context(), c, "")
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetBuild().GetId()
	if b := ended(t, c, id); b.GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE {
		t.Fatalf("the build ended as %v", b)
	}
	w.settled(t)
	return w.traceOf(t, c, id)
}

// TestCrashAtNamedMoments ends a node by SIGKILL at each named moment of a build,
// and has another one go on.
func TestCrashAtNamedMoments(t *testing.T) {
	t.Parallel()
	if testing.Short() || raced {
		t.Skip("waits for the ends of leases; the detector would not see into the nodes")
	}
	want := undisturbed(t)
	for _, point := range crash.Points() {
		for _, times := range append([]string{"1"}, again()[point]...) {
			t.Run(strings.NewReplacer(":", "", ",", "").Replace(point)+" "+times, func(t *testing.T) {
				t.Parallel()
				crashAt(t, point, times, want)
			})
		}
	}
}

// disturbed is a world whose first node crashes at a moment.
type disturbed struct {
	*world
	mark  string
	point string
	first *node
	c     *client.Client
	// session is the build's, so that it can be asked for again.
	session string
}

func disturb(t *testing.T, how, point, times string, settings ...string) *disturbed {
	t.Helper()
	d := &disturbed{world: newWorld(t, settings...), point: point, session: "bs_" + uuid.NewString()}
	d.mark = filepath.Join(t.TempDir(), "mark")
	d.first = d.start(t, d.dir, "api,worker", "SHEEN_CRASH="+how+" "+times+" "+point, "SHEEN_CRASH_MARK="+d.mark)
	d.c = d.client(t, d.first.address(t))
	return d
}

// fired fails unless the crash took place.
func (d *disturbed) fired(t *testing.T) {
	t.Helper()
	if at, err := os.ReadFile(d.mark); err != nil || string(at) != d.point {
		t.Fatalf("the crash at %q never took place: %q, %v", d.point, at, err)
	}
}

// second starts the node that goes on.
func (d *disturbed) second(t *testing.T) *client.Client {
	t.Helper()
	dir := d.dir
	return d.client(t, d.start(t, dir, "api,worker").address(t))
}

func crashAt(t *testing.T, point, times string, want *trace) {
	t.Helper()
	switch point {
	case crash.CancelRequested, crash.CancelObeyed:
		crashWhileCancelling(t, point, times)
		return
	case crash.GivingBack:
		crashWhileStopping(t, point, times, want)
		return
	case crash.FixBegun, crash.Fixed:
		return // A site that needs mending comes from a model: TestCrashWhileMending.
	}
	var pace []string
	if times != "1" {
		pace = append(pace, slow) // Flat out, all files are stored at once.
	}
	d := disturb(t, "kill", point, times, pace...)
	accepted, err := start(t.Context(), d.c, d.session)
	d.first.died(t)
	d.fired(t)
	// At the other moments, the worker may be faster than the answer.
	if strings.HasPrefix(point, "start:") && err == nil {
		t.Fatal("StartBuild was answered before the crash")
	}
	before := d.number(t, `SELECT count(*) FROM builds`)
	if exists := point != crash.StartReserved; (before == 1) != exists {
		t.Fatalf("%d builds after the crash", before)
	}
	c := d.second(t)
	res, err := start(t.Context(), c, d.session)
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetBuild().GetId()
	if accepted != nil && accepted.GetBuild().GetId() != id {
		t.Fatal("the same session has another build after the crash")
	}
	ended(t, c, id)
	d.traceOf(t, c, id).same(t, want)
	d.settled(t)
}

// slow makes a build last for about two seconds.
const slow = "SHEEN_OFFLINE_PACE=7"

// inCoding waits until a build has written a file.
func inCoding(t *testing.T, c *client.Client, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endLimit)
	defer cancel()
	for e, err := range c.Follow(ctx, id, client.AfterSeq(0)) {
		if err != nil {
			t.Fatal(err)
		}
		if e.GetFileChanged() != nil {
			return
		}
	}
	t.Fatal("the build ended before it wrote a file")
}

// crashWhileCancelling ends the node after the user's wish was stored: the next
// one obeys it, and keeps what was written.
func crashWhileCancelling(t *testing.T, point, times string) {
	t.Helper()
	d := disturb(t, "kill", point, times, slow)
	res, err := start(t.Context(), d.c, d.session)
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetBuild().GetId()
	inCoding(t, d.c, id)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	_, err = d.c.Builds.CancelBuild(ctx, &buildv1.CancelBuildRequest{BuildId: id, Reason: "enough"})
	cancel()
	d.first.died(t)
	d.fired(t)
	if point == crash.CancelRequested && err == nil {
		t.Error("the cancel was answered before the crash")
	}
	c := d.second(t)
	b := ended(t, c, id)
	if b.GetState() != buildv1.BuildState_BUILD_STATE_CANCELLED || b.GetVersionId() == "" {
		t.Errorf("the build ended as %v with the version %q", b.GetState(), b.GetVersionId())
	}
	if tr := d.traceOf(t, c, id); tr.charges != 1 || len(tr.files) == 0 {
		t.Errorf("%d charges, %d files", tr.charges, len(tr.files))
	}
	d.settled(t)
}

// crashWhileStopping ends a node that was asked to stop before it gave its build
// back.
func crashWhileStopping(t *testing.T, point, times string, want *trace) {
	t.Helper()
	d := disturb(t, "kill", point, times, slow)
	res, err := start(t.Context(), d.c, d.session)
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetBuild().GetId()
	inCoding(t, d.c, id)
	d.first.signal(t, syscall.SIGTERM)
	d.first.died(t)
	d.fired(t)
	c := d.second(t)
	if b := ended(t, c, id); b.GetAttempt() != 2 {
		t.Errorf("the build ended in attempt %d", b.GetAttempt())
	}
	d.traceOf(t, c, id).same(t, want)
	d.settled(t)
}

// TestPointsAreDistinct guards the table: a name twice would be tested once.
func TestPointsAreDistinct(t *testing.T) {
	t.Parallel()
	points := crash.Points()
	if all := slices.Compact(slices.Sorted(slices.Values(points))); len(all) != len(points) || len(all) < 20 {
		t.Errorf("%d names, %d of them distinct", len(points), len(all))
	}
}
