package webhook

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// What is added while a lane is about to rest is not forgotten.
func TestWokenWhileItGoesToRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	lane := b.claims(t)[0]
	now, err := b.service.clock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wakes, err := b.courier.renew(t.Context(), lane, now)
	if err != nil {
		t.Fatal(err)
	}
	b.append(t, build, phase(2))
	if over, err := b.courier.rest(t.Context(), lane, wakes); err != nil || over {
		t.Errorf("the lane rests with two to send: %t, %v", over, err)
	}
	if err := b.courier.run(t.Context(), lane); err != nil || r.seqs(build) != "1 2" {
		t.Errorf("came %q, %v", r.seqs(build), err)
	}
}

// Appends and couriers at once lose nothing, repeat nothing and keep the order.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var flaky atomic.Int32
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ got) {
		if flaky.Add(1)%7 == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	endpoint, _ := b.endpoint(t, r.URL)
	const builds, events = 4, 25
	var ids []uuid.UUID
	for range builds {
		ids = append(ids, b.build(t))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range events {
			for _, id := range ids {
				b.append(t, id, phase(1))
			}
		}
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		b.pass(2 * time.Second)
		n := b.pump(t)
		select {
		case <-done:
			rows := b.deliveries(t, endpoint)
			left := 0
			for _, d := range rows {
				if d.State != "delivered" {
					left++
				}
			}
			if left == 0 {
				if len(rows) != builds*events {
					t.Errorf("%d deliveries", len(rows))
				}
				b.inOrder(t, r, ids, events)
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d are left, %d lanes", left, n)
			}
		default:
		}
	}
}

// inOrder checks that each build's events were taken once each, in order: a repeat
// follows a refusal only.
func (b *bundle) inOrder(t *testing.T, r *receiver, ids []uuid.UUID, events int) {
	t.Helper()
	attempts := 0
	for _, id := range ids {
		last, distinct := "", 0
		for _, g := range r.got() {
			if g.buildID != id.String() {
				continue
			}
			attempts++
			if g.seq != last {
				distinct++
				last = g.seq
			}
		}
		if distinct != events {
			t.Errorf("%d changes of the seq, want %d", distinct, events)
		}
	}
	var counted int
	err := b.db.QueryRow(t.Context(), "SELECT sum(attempt_count) FROM webhook_deliveries").Scan(&counted)
	if err != nil || counted != attempts {
		t.Errorf("%d attempts came, %d are noted, %v", attempts, counted, err)
	}
}

// A lane whose claim somebody else has is left alone.
func TestForeignClaim(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	lane := b.claims(t)[0]
	lane.token--
	if err := b.courier.run(t.Context(), lane); err != nil || len(r.got()) != 0 {
		t.Errorf("%d requests, %v", len(r.got()), err)
	}
	err := b.queries.WebhookLanePause(t.Context(), b.db, &store.WebhookLanePauseParams{
		EndpointID: endpoint, BuildID: build, ClaimToken: lane.token, DueTime: nil,
	})
	if err != nil || b.deliveries(t, endpoint)[0].DueTime == nil {
		t.Errorf("a foreign claim puts the lane to rest, %v", err)
	}
}
