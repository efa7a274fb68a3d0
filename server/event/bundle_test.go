package event

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// bundle is a log on a database of its own.
type bundle struct {
	db      *store.DB
	log     *Log
	queries *store.Queries
	user    uuid.UUID
}

func setup(t testing.TB) *bundle {
	t.Helper()
	db := storetest.New(t)
	b := &bundle{db: db, log: NewLog(db), queries: store.New(), user: uuid.New()}
	if err := b.log.EnsurePartitions(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return b
}

// build makes a queued build of the bundle's user without events.
func (b *bundle) build(t testing.TB) Producer {
	t.Helper()
	return b.buildWithID(t, uuid.Must(uuid.NewV7()))
}

func (b *bundle) buildWithID(t testing.TB, id uuid.UUID) Producer {
	t.Helper()
	project := uuid.New()
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
	return Producer{BuildID: id}
}

// append stores events in a transaction of their own.
func (b *bundle) append(t testing.TB, p Producer, events ...*eventv1.BuildEvent) Batch {
	t.Helper()
	batch, err := b.tryAppend(t, p, events...)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func (b *bundle) tryAppend(t testing.TB, p Producer, events ...*eventv1.BuildEvent) (batch Batch, err error) {
	err = store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		batch, err = b.log.Append(t.Context(), tx, p, events...)
		return err
	})
	return batch, err
}

// end cancels a queued build with its last event, as the worker does: the state
// and the event in one transaction, the token moved on.
func (b *bundle) end(t testing.TB, p Producer) (batch Batch) {
	t.Helper()
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		ended, err := b.queries.BuildEndIfState(t.Context(), tx, &store.BuildEndIfStateParams{
			ID: p.BuildID, FromState: "queued", ToState: "cancelled", LeaseToken: p.LeaseToken,
		})
		if err != nil {
			return err
		}
		batch, err = b.log.Append(t.Context(), tx, Producer{p.BuildID, ended.LeaseToken}, lastEvent())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// page reads all of a build's records.
func (b *bundle) page(t testing.TB, id uuid.UUID) []Record {
	t.Helper()
	records, err := b.log.Page(t.Context(), id, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// describe is a build's row as far as a snapshot needs it.
func (b *bundle) describe(ctx context.Context, buildID, userID uuid.UUID) (*buildv1.Build, error) {
	row, err := b.queries.BuildByID(ctx, b.db, &store.BuildByIDParams{ID: buildID, UserID: userID})
	if err != nil {
		return nil, err
	}
	return &buildv1.Build{
		Id: row.ID.String(), Prompt: row.Prompt, Locale: row.Locale, HeadSeq: row.HeadSeq,
		CreateTime: timestamppb.New(row.CreateTime),
	}, nil
}
