package webhook

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// bundle is a user's webhooks on a database of their own, and a clock that can be
// put forward.
type bundle struct {
	db         *store.DB
	queries    *store.Queries
	user       uuid.UUID
	ahead      atomic.Int64
	service    *Service
	courier    *courier
	dispatcher *Dispatcher
}

func setup(t *testing.T) *bundle {
	t.Helper()
	allow, err := ParseAllow("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{db: storetest.New(t), queries: store.New(), user: uuid.New()}
	now := databaseClock(b.db)
	o := Options{DB: b.db, Allow: allow, Logger: slog.New(slog.DiscardHandler), Clock: func(ctx context.Context) (time.Time, error) {
		at, err := now(ctx)
		return at.Add(time.Duration(b.ahead.Load())), err
	}}
	jobs, err := river.NewClient(riverpgxv5.New(b.db.Pool()), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b.service, b.courier, b.dispatcher = NewService(o, nil), NewWorker(o).courier, NewDispatcher(o, jobs)
	t.Cleanup(b.courier.sender.client.CloseIdleConnections)
	return b
}

// pass puts the clock forward.
func (b *bundle) pass(d time.Duration) { b.ahead.Add(int64(d)) }

// endpoint makes one of the bundle's user.
func (b *bundle) endpoint(t *testing.T, url string, types ...string) (id uuid.UUID, secret string) {
	t.Helper()
	w, err := b.service.wishFromProto(b.user, &eventv1.CreateWebhookEndpointRequest{
		Url: url, EventTypes: types, IdempotencyKey: uuid.NewString(),
	})
	if err != nil {
		t.Fatal(err)
	}
	made, secret, err := b.service.create(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID, secret
}

// build makes a queued build of the bundle's user without events.
func (b *bundle) build(t *testing.T) uuid.UUID {
	t.Helper()
	id, project := uuid.Must(uuid.NewV7()), uuid.New()
	if err := b.queries.ProjectInsert(t.Context(), b.db, &store.ProjectInsertParams{ID: project, UserID: b.user}); err != nil {
		t.Fatal(err)
	}
	_, err := b.queries.BuildInsert(t.Context(), b.db, &store.BuildInsertParams{
		ID: id, BuildSessionID: "bs_" + uuid.NewString(), RequestHash: make([]byte, 32),
		UserID: b.user, ProjectID: project, Operation: "main_build", Prompt: "a salon",
		Locale: "en", Answers: []byte("[]"), HoldID: uuid.New(), HeldSeconds: 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func phase(to buildv1.BuildState) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_PhaseChanged{PhaseChanged: &eventv1.PhaseChanged{To: to}}}
}

func text(delta string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: delta}}}
}

func completed() *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{PreviewUrl: "http://x"}}}
}

// columns are events as the statements that append take them.
func columns(t *testing.T, events []*eventv1.BuildEvent) (classes, kinds []int16, payloads [][]byte) {
	t.Helper()
	classes, kinds, payloads = []int16{}, []int16{}, [][]byte{} // Not nil, which would be NULL.
	for _, e := range events {
		payload, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		kind := e.ProtoReflect().WhichOneof(payloadsOneof).Number()
		classes, kinds, payloads = append(classes, 1), append(kinds, int16(kind)), append(payloads, payload)
	}
	return classes, kinds, payloads
}

var payloadsOneof = (&eventv1.BuildEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("payload")

// append stores events of a build.
func (b *bundle) append(t *testing.T, buildID uuid.UUID, events ...*eventv1.BuildEvent) {
	t.Helper()
	classes, kinds, payloads := columns(t, events)
	_, err := b.queries.EventAppend(t.Context(), b.db, &store.EventAppendParams{
		BuildID: buildID, Classes: classes, Kinds: kinds, Payloads: payloads,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// appendMany stores events of a build as the node's appender does.
func (b *bundle) appendMany(t *testing.T, buildID uuid.UUID, events ...*eventv1.BuildEvent) {
	t.Helper()
	classes, kinds, payloads := columns(t, events)
	rows, err := b.queries.EventAppendMany(t.Context(), b.db, &store.EventAppendManyParams{
		BuildIds: []uuid.UUID{buildID}, LeaseTokens: []int64{0}, ExpectedSeqs: []int64{0},
		FirstEvents: []int64{1}, LastEvents: []int64{int64(len(events))}, Classes: classes, Kinds: kinds, Payloads: payloads,
	})
	if err != nil || len(rows) != 1 || !rows[0].Granted {
		t.Fatalf("%v, %v", rows, err)
	}
}

// claims has lanes that are due claimed, and takes their jobs from the queue.
func (b *bundle) claims(t *testing.T) (lanes []claim) {
	t.Helper()
	n, err := b.dispatcher.Dispatch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := b.db.Query(t.Context(), "DELETE FROM river_job WHERE queue = $1 RETURNING args", Queue)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(all) != n {
		t.Fatalf("%d jobs for %d claims, %v", len(all), n, err)
	}
	for _, raw := range all {
		var args LaneArgs
		if err := json.Unmarshal(raw, &args); err != nil {
			t.Fatal(err)
		}
		lanes = append(lanes, claim{args.EndpointID, args.BuildID, args.ClaimToken})
	}
	return lanes
}

// pump works on all lanes that are due now, at once, and returns how many.
func (b *bundle) pump(t *testing.T) int {
	t.Helper()
	lanes := b.claims(t)
	var group sync.WaitGroup
	for _, lane := range lanes {
		group.Go(func() {
			if err := b.courier.run(t.Context(), lane); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return len(lanes)
}

// deliveries are an endpoint's, the oldest first.
func (b *bundle) deliveries(t *testing.T, endpointID uuid.UUID) []*store.WebhookDeliveryListRow {
	t.Helper()
	rows, err := b.queries.WebhookDeliveryList(t.Context(), b.db, &store.WebhookDeliveryListParams{
		UserID: b.user, EndpointID: endpointID, BeforeNumber: 1 << 60, PageSize: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(rows)
	return rows
}

// states are the states of an endpoint's deliveries, the oldest first.
func (b *bundle) states(t *testing.T, endpointID uuid.UUID) string {
	t.Helper()
	var all []string
	for _, row := range b.deliveries(t, endpointID) {
		all = append(all, row.State)
	}
	return strings.Join(all, ",")
}

// got is a request that a receiver has had.
type got struct {
	id, eventType, buildID string
	seq                    string
	header                 http.Header
	body                   []byte
}

// receiver is a real HTTP server that notes what it gets.
type receiver struct {
	*httptest.Server

	mu  sync.Mutex
	all []got
	// answer decides on a request; nil takes it.
	answer func(w http.ResponseWriter, r *http.Request, g got)
}

func receive(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, g got)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP implements [http.Handler].
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	var content struct {
		Type string
		Data struct{ BuildID, ProjectID, Seq string }
	}
	_ = json.Unmarshal(raw, &content)
	g := got{
		id: req.Header.Get(headerID), eventType: content.Type, buildID: content.Data.BuildID, seq: content.Data.Seq,
		header: req.Header, body: raw,
	}
	r.mu.Lock()
	r.all = append(r.all, g)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, req, g)
	}
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// seqs are the seqs that came of a build, with repeats.
func (r *receiver) seqs(buildID uuid.UUID) string {
	var all []string
	for _, g := range r.got() {
		if g.buildID == buildID.String() {
			all = append(all, g.seq)
		}
	}
	return strings.Join(all, " ")
}

// verified checks a request with the standard's own library, but for the time.
func verified(t *testing.T, g got, secret string) error {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return wh.VerifyIgnoringTimestamp(g.body, g.header)
}

// code answers with a status.
func code(status int) func(http.ResponseWriter, *http.Request, got) {
	return func(w http.ResponseWriter, _ *http.Request, _ got) { w.WriteHeader(status) }
}
