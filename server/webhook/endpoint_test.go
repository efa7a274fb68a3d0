package webhook

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

func (b *bundle) redeliver(ctx context.Context, id uuid.UUID, user uuid.UUID) error {
	_, err := b.queries.WebhookDeliveryRedeliver(ctx, b.db, &store.WebhookDeliveryRedeliverParams{ID: id, UserID: user})
	return err
}

// An endpoint gets what happens after it was made, also of a build that runs.
func TestEndpointOfARunningBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	build := b.build(t)
	b.append(t, build, phase(1), phase(2))
	b.endpoint(t, r.URL)
	b.appendMany(t, build, phase(3), text("x"))
	b.pump(t)
	if r.seqs(build) != "3" {
		t.Errorf("came %q", r.seqs(build))
	}
	// A build whose start did not see the endpoint yet, nor was seen with it.
	other := b.build(t)
	b.append(t, other, phase(1))
	if _, err := b.db.Exec(t.Context(), "UPDATE builds SET webhooks = false"); err != nil {
		t.Fatal(err)
	}
	b.append(t, other, phase(2))
	b.appendMany(t, other, phase(3))
	b.pump(t)
	if r.seqs(other) != "1 2 3" {
		t.Errorf("came %q", r.seqs(other))
	}
}

// While a rotation lasts, both secrets sign; afterwards only the new one.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, nil)
	endpoint, old := b.endpoint(t, r.URL)
	build := b.build(t)
	fresh, expire, err := b.service.rotate(t.Context(), b.user, endpoint)
	if err != nil || fresh == old || time.Until(expire).Round(time.Minute) != secretOverlap {
		t.Fatalf("until %v, %v", expire, err)
	}
	if _, _, err := b.service.rotate(t.Context(), uuid.New(), endpoint); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's endpoint: %v", err)
	}
	b.append(t, build, phase(1))
	b.pump(t)
	b.pass(secretOverlap + time.Minute)
	b.append(t, build, phase(2))
	b.pump(t)
	during, after := r.got()[0], r.got()[1]
	if len(strings.Fields(during.header.Get(headerSignature))) != 2 || verified(t, during, old) != nil || verified(t, during, fresh) != nil {
		t.Errorf("during: %s", during.header.Get(headerSignature))
	}
	if verified(t, after, old) == nil || verified(t, after, fresh) != nil {
		t.Errorf("after: %s", after.header.Get(headerSignature))
	}
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var status atomic.Int32
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ got) { w.WriteHeader(int(status.Load())) })
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	status.Store(200)
	b.append(t, build, phase(1), phase(2))
	b.pump(t)
	first := b.deliveries(t, endpoint)[0]
	if err := b.redeliver(t.Context(), first.ID, uuid.New()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's delivery: %v", err)
	}
	for range 3 { // Once pending, more make no difference.
		if err := b.redeliver(t.Context(), first.ID, b.user); err != nil {
			t.Fatal(err)
		}
	}
	b.pump(t)
	all := r.got()
	if r.seqs(build) != "1 2 1" || all[0].id != all[2].id || !bytes.Equal(all[0].body, all[2].body) {
		t.Errorf("came %q", r.seqs(build))
	}
	// One that is pending is tried at once.
	status.Store(500)
	b.append(t, build, phase(3))
	b.pump(t)
	if b.pump(t) != 0 {
		t.Error("the failed one is due at once")
	}
	status.Store(200)
	if err := b.redeliver(t.Context(), b.deliveries(t, endpoint)[2].ID, b.user); err != nil {
		t.Fatal(err)
	}
	if b.pump(t) != 1 || r.seqs(build) != "1 2 1 3 3" || b.states(t, endpoint) != "delivered,delivered,delivered" {
		t.Errorf("came %q, %s", r.seqs(build), b.states(t, endpoint))
	}
	// One that was given up long ago is tried anew, for another day.
	if _, err := b.db.Exec(t.Context(), "UPDATE webhook_deliveries SET state = 'failed', pending_since = pending_since - interval '3 days', retry_count = 13"); err != nil {
		t.Fatal(err)
	}
	status.Store(500)
	if err := b.redeliver(t.Context(), first.ID, b.user); err != nil {
		t.Fatal(err)
	}
	b.pump(t)
	if d := b.deliveries(t, endpoint)[0]; d.State != "pending" || d.DueTime.Sub(*d.LastAttemptTime) > 7*time.Second {
		t.Errorf("%+v", d)
	}
}

// Deleting an endpoint ends its deliveries.
func TestDeletedEndpoint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, code(500))
	endpoint, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1), phase(2))
	b.pump(t)
	delivery := b.deliveries(t, endpoint)[0]
	n, err := b.queries.WebhookEndpointDelete(t.Context(), b.db, &store.WebhookEndpointDeleteParams{ID: endpoint, UserID: b.user})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	b.pass(time.Hour)
	b.pump(t)
	b.append(t, build, phase(3))
	if b.pump(t) != 0 || len(r.got()) != 1 {
		t.Errorf("%d requests", len(r.got()))
	}
	if err := b.redeliver(t.Context(), delivery.ID, b.user); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("redelivery: %v", err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	create := func(key, url string, types ...string) (*store.WebhookEndpoint, string, error) {
		w, err := b.service.wishFromProto(b.user, &eventv1.CreateWebhookEndpointRequest{Url: url, EventTypes: types, IdempotencyKey: key})
		if err != nil {
			return nil, "", err
		}
		return b.service.create(t.Context(), w)
	}
	reason := func(err error) string {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return strings.TrimPrefix(f.Reason.String(), "ERROR_REASON_")
		}
		return ""
	}
	first, secret, err := create("k", "https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	again, same, err := create("k", "https://example.com/")
	if err != nil || again.ID != first.ID || same != secret {
		t.Errorf("a repeat: %+v, %v", again, err)
	}
	if _, _, err := create("k", "https://example.com/other"); reason(err) != "IDEMPOTENCY_KEY_REUSED" {
		t.Errorf("another request: %v", err)
	}
	if _, _, err := create("l", "https://10.0.0.1/"); reason(err) != "INVALID_FIELD" {
		t.Errorf("a private address: %v", err)
	}
	if _, _, err := create("l", "https://example.com/", "build_done"); reason(err) != "INVALID_FIELD" {
		t.Errorf("an unknown type: %v", err)
	}
	b.pass(2 * time.Hour)
	if _, hidden, err := create("k", "https://example.com/"); err != nil || hidden != "" {
		t.Errorf("a late repeat shows %q, %v", hidden, err)
	}
	// Many at once make no more than there may be.
	var group sync.WaitGroup
	var made, refused atomic.Int32
	for range 20 {
		group.Go(func() {
			switch _, _, err := create(uuid.NewString(), "https://example.com/"); {
			case err == nil:
				made.Add(1)
			case reason(err) == "WEBHOOK_LIMIT":
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != maxEndpoints-1 || refused.Load() != 20-made.Load() {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
}

// What is old goes, what waits stays, and a deleted endpoint leaves nothing.
func TestClean(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var fail atomic.Bool
	r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ got) {
		if fail.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	kept, _ := b.endpoint(t, r.URL)
	deleted, _ := b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	b.pump(t)
	fail.Store(true)
	b.append(t, build, phase(2))
	b.pump(t)
	if _, err := b.queries.WebhookEndpointDelete(t.Context(), b.db, &store.WebhookEndpointDeleteParams{ID: deleted, UserID: b.user}); err != nil {
		t.Fatal(err)
	}
	cleaner := NewCleaner(Options{DB: b.db, Clock: b.service.clock})
	clean := func() (deliveries, lanes, endpoints, secrets int) {
		t.Helper()
		if err := cleaner.clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := b.db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM webhook_deliveries), (SELECT count(*) FROM webhook_lanes),
			(SELECT count(*) FROM webhook_endpoints), (SELECT count(*) FROM webhook_secrets)`).Scan(&deliveries, &lanes, &endpoints, &secrets)
		if err != nil {
			t.Fatal(err)
		}
		return deliveries, lanes, endpoints, secrets
	}
	expect := func(what string, want ...int) {
		t.Helper()
		d, l, e, s := clean()
		if got := []int{d, l, e, s}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
			t.Errorf("%s: deliveries, lanes, endpoints, secrets %v, want %v", what, got, want)
		}
	}
	expect("at once", 4, 2, 2, 2)
	b.pass(2 * time.Hour)
	expect("after hours", 2, 2, 1, 1)
	b.pass(keepDeliveries)
	expect("after 30 days", 1, 2, 1, 1)
	fail.Store(false)
	b.pump(t)
	expect("delivered late", 0, 2, 1, 1)
	if _, err := b.db.Exec(t.Context(), "UPDATE builds SET state = 'cancelled', end_time = now()"); err != nil {
		t.Fatal(err)
	}
	expect("with the build", 0, 0, 1, 1)
	if b.states(t, kept) != "" {
		t.Error(b.states(t, kept))
	}
}

// Secrets that sign no more are forgotten, and rotations do not pile them up.
func TestSecretsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint, _ := b.endpoint(t, receive(t, nil).URL)
	stored := func() (n int) {
		t.Helper()
		if err := b.db.QueryRow(t.Context(), "SELECT count(*) FROM webhook_secrets").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range maxSecrets + 2 {
		if _, _, err := b.service.rotate(t.Context(), b.user, endpoint); err != nil {
			t.Fatal(err)
		}
	}
	if n := stored(); n != maxSecrets {
		t.Errorf("%d secrets after many rotations", n)
	}
	b.pass(secretOverlap + time.Minute)
	if err := NewCleaner(Options{DB: b.db, Clock: b.service.clock}).clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := stored(); n != 1 {
		t.Errorf("%d secrets after their time", n)
	}
}

// A redelivery that is asked for while another delivery of its build fails does not
// wait for that one's pause.
func TestRedeliveryDuringAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var endpoint uuid.UUID
	var first uuid.UUID
	r := receive(t, func(w http.ResponseWriter, req *http.Request, g got) {
		if g.seq != "2" {
			return
		}
		if err := b.redeliver(req.Context(), first, b.user); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	endpoint, _ = b.endpoint(t, r.URL)
	build := b.build(t)
	b.append(t, build, phase(1))
	b.pump(t)
	first = b.deliveries(t, endpoint)[0].ID
	b.append(t, build, phase(2))
	b.pump(t)
	if n := b.pump(t); n != 1 || !strings.HasPrefix(r.seqs(build), "1 2 1") {
		t.Errorf("%d lanes, came %q", n, r.seqs(build))
	}
}
