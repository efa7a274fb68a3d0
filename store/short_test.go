package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// short is an account whose row is read and written by short transactions.
type short struct {
	db *store.DB
	q  *store.Queries
	id uuid.UUID
}

func setupShort(t *testing.T) *short {
	t.Helper()
	s := &short{db: storetest.New(t), q: store.New(), id: uuid.New()}
	if err := s.q.AccountInsert(t.Context(), s.db, &store.AccountInsertParams{ID: s.id, Zone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// lock reads in a batch.
func (s *short) lock(t *testing.T, tx store.Tx) (*store.Account, error) {
	t.Helper()
	var account *store.Account
	err := store.InBatch(t.Context(), tx, func(db store.DBTX) (err error) {
		account, err = s.q.AccountLock(t.Context(), db, &store.AccountLockParams{ID: s.id})
		return err
	})
	return account, err
}

// rename is a write.
func (s *short) rename(t *testing.T, db store.DBTX, zone string) error {
	t.Helper()
	_, err := db.Exec(t.Context(), "update account set zone = $2 where id = $1", s.id, zone)
	return err
}

func (s *short) wantZone(t *testing.T, want string) {
	t.Helper()
	account, err := s.q.AccountByID(t.Context(), s.db, &store.AccountByIDParams{ID: s.id})
	if err != nil {
		t.Fatal(err)
	}
	if account.Zone != want {
		t.Errorf("zone %q, want %q", account.Zone, want)
	}
}

var errRefused = errors.New("refused")

func TestShortTx(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, s *short, tx store.Tx) error {
		if _, err := s.lock(t, tx); err != nil {
			return err
		}
		return store.InLastBatch(t.Context(), tx, func(db store.DBTX) error { return s.rename(t, db, "Europe/Paris") })
	}
	for name, tt := range map[string]struct {
		fn   func(t *testing.T, s *short, tx store.Tx) error
		zone string
		err  error
	}{
		"committed with the last batch": {write, "Europe/Paris", nil},
		"no last batch": {func(t *testing.T, s *short, tx store.Tx) error {
			if _, err := s.lock(t, tx); err != nil {
				return err
			}
			return s.rename(t, tx, "Europe/Paris")
		}, "UTC", nil},
		"refused": {func(t *testing.T, s *short, tx store.Tx) error {
			if err := s.rename(t, tx, "Europe/Paris"); err != nil {
				return err
			}
			return errRefused
		}, "UTC", errRefused},
		"a statement before the batch": {func(t *testing.T, s *short, tx store.Tx) error {
			if err := s.rename(t, tx, "Europe/Berlin"); err != nil {
				return err
			}
			return write(t, s, tx)
		}, "Europe/Paris", nil},
		"a row at a time": {func(t *testing.T, s *short, tx store.Tx) error {
			var zone string
			if err := tx.QueryRow(t.Context(), "select zone from account where id = $1 for update", s.id).Scan(&zone); err != nil {
				return err
			}
			return write(t, s, tx)
		}, "Europe/Paris", nil},
		"not found": {func(t *testing.T, _ *short, tx store.Tx) error {
			return store.InBatch(t.Context(), tx, func(db store.DBTX) error {
				_, err := store.New().AccountLock(t.Context(), db, &store.AccountLockParams{ID: uuid.New()})
				return err
			})
		}, "UTC", store.ErrNotFound},
		"bad text in the last batch": {func(t *testing.T, s *short, tx store.Tx) error {
			return store.InLastBatch(t.Context(), tx, func(db store.DBTX) error {
				return errors.Join(s.rename(t, db, "Europe/Paris"), s.rename(t, db, "\x00"))
			})
		}, "UTC", store.ErrText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupShort(t)
			err := store.InShortTx(t.Context(), s.db, func(tx store.Tx) error { return tt.fn(t, s, tx) })
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			s.wantZone(t, tt.zone)
		})
	}
}

// After the last batch the lock is gone, and so is the transaction.
func TestShortTxIsOver(t *testing.T) {
	t.Parallel()
	s := setupShort(t)
	err := store.InShortTx(t.Context(), s.db, func(tx store.Tx) error {
		if _, err := s.lock(t, tx); err != nil {
			return err
		}
		err := store.InLastBatch(t.Context(), tx, func(db store.DBTX) error { return s.rename(t, db, "Europe/Paris") })
		if err != nil {
			return err
		}
		if err := s.rename(t, tx, "Europe/Rome"); err == nil {
			t.Error("a statement after the commit was taken")
		}
		return s.rename(t, s.db, "Europe/Berlin") // would wait for the lock
	})
	if err != nil {
		t.Error(err)
	}
	s.wantZone(t, "Europe/Berlin")
}

// A short transaction that loses a deadlock is repeated whole.
func TestShortTxIsRepeated(t *testing.T) {
	t.Parallel()
	s := setupShort(t)
	tries := 0
	err := store.InShortTx(t.Context(), s.db, func(tx store.Tx) error {
		if _, err := s.lock(t, tx); err != nil {
			return err
		}
		tries++
		if tries < 3 {
			_, err := tx.Exec(t.Context(), "do $$ begin raise exception 'lost' using errcode = 'deadlock_detected'; end $$")
			return err
		}
		return store.InLastBatch(t.Context(), tx, func(db store.DBTX) error { return s.rename(t, db, "Europe/Paris") })
	})
	if err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	s.wantZone(t, "Europe/Paris")
}

// A connection that dies says so, and the pool goes on with others.
func TestShortTxOnADeadConnection(t *testing.T) {
	t.Parallel()
	s := setupShort(t)
	err := store.InShortTx(t.Context(), s.db, func(tx store.Tx) error {
		if _, err := s.lock(t, tx); err != nil {
			return err
		}
		var pid int
		if err := tx.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if _, err := s.db.Exec(t.Context(), "select pg_terminate_backend($1, 5000)", pid); err != nil {
			return err
		}
		return store.InLastBatch(t.Context(), tx, func(db store.DBTX) error { return s.rename(t, db, "Europe/Paris") })
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	s.wantZone(t, "UTC")
}

// The statements of a snapshot agree, whatever is committed in between; in a
// transaction of the caller they see what that has written.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := setupShort(t)
	read := func(db store.Tx) (first, second *store.Account, err error) {
		err = store.InReadBatch(t.Context(), db, func(db store.DBTX) (err error) {
			if first, err = s.q.AccountByID(t.Context(), db, &store.AccountByIDParams{ID: s.id}); err != nil {
				return err
			}
			second, err = s.q.AccountByID(t.Context(), db, &store.AccountByIDParams{ID: s.id})
			return err
		})
		return first, second, err
	}
	stop := make(chan struct{})
	writes := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				writes <- nil
				return
			default:
			}
			if _, err := s.db.Exec(t.Context(), "update account set shortfall_seconds = shortfall_seconds + 1 where id = $1", s.id); err != nil {
				writes <- err
				return
			}
		}
	}()
	seen := map[int64]bool{}
	// At least 200 times, and until the writer was at work in between.
	for n := 0; n < 200 || len(seen) < 2 && n < 100_000; n++ {
		first, second, err := read(s.db)
		if err != nil {
			t.Fatal(err)
		}
		if first.ShortfallSeconds != second.ShortfallSeconds {
			t.Fatalf("one snapshot saw %d and %d", first.ShortfallSeconds, second.ShortfallSeconds)
		}
		seen[first.ShortfallSeconds] = true
	}
	close(stop)
	if err := <-writes; err != nil || len(seen) < 2 {
		t.Errorf("%d states were seen: %v", len(seen), err)
	}

	err := store.InTx(t.Context(), s.db, func(tx pgx.Tx) error {
		if err := s.rename(t, tx, "Europe/Paris"); err != nil {
			return err
		}
		first, _, err := read(tx)
		if err == nil && first.Zone != "Europe/Paris" {
			t.Errorf("the transaction does not see its own zone, but %s", first.Zone)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
