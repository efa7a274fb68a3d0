package server_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

const retention = 30 * 24 * time.Hour

// TestAWorkerDropsOldEvents starts a worker on a database that has a build from
// before the retention. Its events go, and everything else that can be asked
// about it stays.
func TestAWorkerDropsOldEvents(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(cfg *server.Config) { cfg.Roles = server.Roles{API: true} })
	user := b.User(t)
	id := oldBuild(t, b, user.UserID)
	last := streamed(t, user, &eventv1.StreamEventsRequest{BuildId: id})
	if last.GetHeadSeq() != 2 || last.GetEnd().GetReason() != eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE {
		t.Fatalf("before: %v", last)
	}
	first, err := user.Events.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: id, PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}

	servertest.Join(t, b, func(cfg *server.Config) { cfg.EventRetention = retention })
	deadline := time.Now().Add(30 * time.Second)
	for err == nil && time.Now().Before(deadline) {
		_, err = user.Events.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: id})
	}
	refusals := map[string]error{
		"list": err,
		"seq":  refused(t, user, &eventv1.StreamEventsRequest{BuildId: id}),
		"token": refused(t, user, &eventv1.StreamEventsRequest{
			BuildId: id, Start: &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: first.GetResumeToken()},
		}),
	}
	for name, err := range refusals {
		if connect.CodeOf(err) != connect.CodeOutOfRange || floorOf(err) != 3 {
			t.Errorf("%s: %v, the first seq is %d", name, err, floorOf(err))
		}
	}
	if res, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id}); err != nil || res.GetBuild().GetHeadSeq() != 2 {
		t.Errorf("GetBuild: %v, %v", res, err)
	}
	last = streamed(t, user, &eventv1.StreamEventsRequest{BuildId: id, Snapshot: true})
	if last.GetSnapshot().GetSeq() != 2 || last.GetSnapshot().GetBuild().GetState() != buildv1.BuildState_BUILD_STATE_CANCELLED {
		t.Errorf("a late joiner got %v", last)
	}
}

// oldBuild stores a build of twice the retention ago, in its week's partition,
// with one event and its end.
func oldBuild(t *testing.T, b *servertest.Bundle, user uuid.UUID) string {
	t.Helper()
	db, err := store.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	began := time.Now().Add(-2 * retention)
	log := event.NewLog(db)
	if err := log.EnsurePartitions(t.Context(), began); err != nil {
		t.Fatal(err)
	}
	id, project := uuidAt(began), uuid.New()
	queries := store.New()
	err = store.InTx(t.Context(), db, func(tx pgx.Tx) error {
		if err := queries.ProjectInsert(t.Context(), tx, &store.ProjectInsertParams{ID: project, UserID: user}); err != nil {
			return err
		}
		if _, err := queries.BuildInsert(t.Context(), tx, &store.BuildInsertParams{
			ID: id, BuildSessionID: "bs_" + uuid.NewString(), RequestHash: make([]byte, 32),
			UserID: user, ProjectID: project, Operation: "main_build", Prompt: "a salon",
			Locale: "en", Answers: []byte("[]"), HoldID: uuid.New(), HeldSeconds: 60,
		}); err != nil {
			return err
		}
		ended, err := queries.BuildEndIfState(t.Context(), tx, &store.BuildEndIfStateParams{ID: id, FromState: "queued", ToState: "cancelled"})
		if err != nil {
			return err
		}
		_, err = log.Append(t.Context(), tx, event.Producer{BuildID: id, LeaseToken: ended.LeaseToken},
			&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Warning{Warning: &eventv1.Warning{Message: "hello"}}},
			&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_BuildCancelled{BuildCancelled: &eventv1.BuildCancelled{}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// uuidAt is a UUIDv7 of an instant.
func uuidAt(at time.Time) uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

// streamed reads a stream to its end and returns its last message, with the
// snapshot if there was one.
func streamed(t *testing.T, user *servertest.Clients, req *eventv1.StreamEventsRequest) *eventv1.StreamEventsResponse {
	t.Helper()
	last, err := readStream(t, user, req)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// refused is the error that a stream ends with.
func refused(t *testing.T, user *servertest.Clients, req *eventv1.StreamEventsRequest) error {
	t.Helper()
	last, err := readStream(t, user, req)
	if last != nil {
		t.Errorf("got %v", last)
	}
	return err
}

func readStream(t *testing.T, user *servertest.Clients, req *eventv1.StreamEventsRequest) (last *eventv1.StreamEventsResponse, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := user.Events.StreamEvents(ctx, req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	for stream.Receive() {
		snapshot := last.GetSnapshot()
		if last = stream.Msg(); last.GetSnapshot() == nil {
			last.Snapshot = snapshot
		}
	}
	return last, stream.Err()
}

// floorOf is the first readable seq that an error names.
func floorOf(err error) int64 {
	for _, detail := range details(err) {
		if value, err := detail.Value(); err == nil {
			if floor, ok := value.(*errorv1.HistoryFloor); ok {
				return floor.GetFirstSeq()
			}
		}
	}
	return 0
}
