package main_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// serve runs `sheen serve --embedded` and returns a client for the user.
func serve(t *testing.T, dataDir string, user uuid.UUID, args ...string) (*process, *client.Client) {
	t.Helper()
	p := run(t, dataDir, append([]string{"serve", "--embedded"}, args...)...)
	api, _ := addresses(t, dataDir)
	return p, client.New("http://"+api, client.WithStaticToken(token(t, dataDir, user)))
}

func token(t *testing.T, dataDir string, user uuid.UUID) string {
	t.Helper()
	p := run(t, dataDir, "token", "--user", user.String())
	status, out := p.exit(t)
	if status != 0 {
		t.Fatalf("sheen token: %d\n%s", status, p.stderr.String())
	}
	return strings.TrimSpace(out)
}

// Killed with -9 in the middle of CODING and started again, Sheen finishes the
// build: one continuous log, one charge.
func TestABuildSurvivesKill9(t *testing.T) {
	t.Parallel()
	dir, user := t.TempDir(), uuid.New()
	// Slow enough that CODING lasts for seconds.
	p, c := serve(t, dir, user, "--offline-pace", "2")
	before := balance(t, c)
	started, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: demo})
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetBuild().GetId()
	seen := followUntil(t, c, id, func(e *eventv1.BuildEvent) bool { return e.GetFileChanged() != nil })
	p.signal(t, syscall.SIGKILL)
	p.exit(t)

	_, c = serve(t, dir, user)
	events := followUntil(t, c, id, func(*eventv1.BuildEvent) bool { return false })
	for i, e := range events {
		if e.GetSeq() != int64(i+1) {
			t.Fatalf("event %d has seq %d", i, e.GetSeq())
		}
		if i < len(seen) && e.GetCreateTime().AsTime() != seen[i].GetCreateTime().AsTime() {
			t.Errorf("event %d is not the one that was seen before the kill", i+1)
		}
	}
	done := events[len(events)-1].GetBuildCompleted()
	if done == nil {
		t.Fatalf("the build ended with %v", events[len(events)-1])
	}
	if again := attempts(events); again < 2 {
		t.Error("the build was not taken up again: the kill came too late to test anything")
	}
	charged := done.GetReceipt().GetChargedSeconds()
	if left := balance(t, c); charged <= 0 || left != before-charged {
		t.Errorf("charged %d, but the balance went from %d to %d", charged, before, left)
	}
	if status, _ := get(t, done.GetPreviewUrl()); status != 200 {
		t.Errorf("the preview answers %d", status)
	}
}

func attempts(events []*eventv1.BuildEvent) (n int32) {
	for _, e := range events {
		n = max(n, e.GetPhaseChanged().GetAttempt())
	}
	return n
}

// followUntil follows a build from its first event until one is enough, or to its
// end.
func followUntil(t *testing.T, c *client.Client, id string, enough func(*eventv1.BuildEvent) bool) []*eventv1.BuildEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var events []*eventv1.BuildEvent
	for e, err := range c.Follow(ctx, id, client.AfterSeq(0)) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
		if enough(e) {
			break
		}
	}
	return events
}

func balance(t *testing.T, c *client.Client) int64 {
	t.Helper()
	res, err := c.Billing.GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetBalance().GetSpendableSeconds()
}
