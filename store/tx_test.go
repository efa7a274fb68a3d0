package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

func project(t *testing.T, db *store.DB) *store.ProjectInsertParams {
	t.Helper()
	p := &store.ProjectInsertParams{ID: uuid.Must(uuid.NewV7()), UserID: uuid.Must(uuid.NewV7())}
	if err := store.New().ProjectInsert(t.Context(), db, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	db, q := storetest.New(t), store.New()
	p := project(t, db)

	err := q.ProjectInsert(t.Context(), db, p)
	if conflict, ok := errors.AsType[*store.ConflictError](err); !ok || conflict.Constraint != "projects_pkey" {
		t.Errorf("second insert: %v", err)
	}
	_, err = q.ProjectByID(t.Context(), db, &store.ProjectByIDParams{ID: p.ID, UserID: uuid.New()})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another user's project: %v", err)
	}
	err = store.InTx(t.Context(), db, func(tx pgx.Tx) error {
		_, err := q.ProjectByIDForUpdate(t.Context(), tx, &store.ProjectByIDForUpdateParams{ID: uuid.New(), UserID: p.UserID})
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("in a transaction: %v", err)
	}
}

func TestTextThatCannotBeStored(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, text := range []string{"a\x00b", "a\xffb"} {
		if _, err := db.Exec(t.Context(), "SELECT $1::text", text); !errors.Is(err, store.ErrText) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOpenReportsAnUnreachableServer(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), "postgres://sheen@127.0.0.1:1/none?connect_timeout=2")
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestInTxRollsBack(t *testing.T) {
	t.Parallel()
	db, q := storetest.New(t), store.New()
	p := &store.ProjectInsertParams{ID: uuid.New(), UserID: uuid.New()}
	cause := errors.New("no")
	ctx, cancel := context.WithCancel(t.Context())
	err := store.InTx(ctx, db, func(tx pgx.Tx) error {
		if err := q.ProjectInsert(ctx, tx, p); err != nil {
			return err
		}
		cancel() // The rollback must happen all the same.
		return cause
	})
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if _, err := q.ProjectByID(t.Context(), db, &store.ProjectByIDParams{ID: p.ID, UserID: p.UserID}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the rollback: %v", err)
	}
}

// Two transactions lock two rows in opposite order. Postgres ends one of them
// with a deadlock, which InTx repeats.
func TestInTxRepeatsADeadlock(t *testing.T) {
	t.Parallel()
	db, q := storetest.New(t), store.New()
	a, b := project(t, db), project(t, db)
	lock := func(tx pgx.Tx, p *store.ProjectInsertParams) error {
		_, err := q.ProjectByIDForUpdate(t.Context(), tx, &store.ProjectByIDForUpdateParams{ID: p.ID, UserID: p.UserID})
		return err
	}
	var runs atomic.Int32
	cross := func(first, second *store.ProjectInsertParams, mine, other chan struct{}) error {
		once := false
		return store.InTx(t.Context(), db, func(tx pgx.Tx) error {
			runs.Add(1)
			if err := lock(tx, first); err != nil {
				return err
			}
			if !once {
				once = true
				close(mine)
				<-other
			}
			return lock(tx, second)
		})
	}
	aHeld, bHeld := make(chan struct{}), make(chan struct{})
	result := make(chan error, 2)
	go func() { result <- cross(a, b, aHeld, bHeld) }()
	go func() { result <- cross(b, a, bHeld, aHeld) }()
	for range 2 {
		if err := <-result; err != nil {
			t.Errorf("transaction: %v", err)
		}
	}
	if runs.Load() < 3 {
		t.Errorf("%d runs: no deadlock happened", runs.Load())
	}
}

// A snapshot does not see what is committed meanwhile, and writes nothing.
func TestInSnapshot(t *testing.T) {
	t.Parallel()
	db, q := storetest.New(t), store.New()
	seen := project(t, db)
	err := store.InSnapshot(t.Context(), db, func(snapshot store.DBTX) error {
		if _, err := q.ProjectByID(t.Context(), snapshot, &store.ProjectByIDParams{ID: seen.ID, UserID: seen.UserID}); err != nil {
			return err
		}
		later := project(t, db)
		if _, err := q.ProjectByID(t.Context(), snapshot, &store.ProjectByIDParams{ID: later.ID, UserID: later.UserID}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a later row: %v", err)
		}
		return q.ProjectInsert(t.Context(), snapshot, &store.ProjectInsertParams{ID: uuid.New(), UserID: uuid.New()})
	})
	if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "25006" {
		t.Errorf("a write: %v", err)
	}
}

func TestMigrateTwiceAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	result := make(chan error, 2)
	for range 2 {
		go func() { result <- store.Migrate(t.Context(), db) }()
	}
	for range 2 {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
}
