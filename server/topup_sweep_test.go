package server_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

// TestAWorkerFindsLostTopUps starts a worker on a database with an attempt that
// nobody was told of. The account has no rule, so the attempt ends with that.
func TestAWorkerFindsLostTopUps(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(cfg *server.Config) { cfg.Roles = server.Roles{API: true} })
	db, err := store.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	account, attempt := uuid.New(), uuid.New()
	for _, row := range []struct {
		sql  string
		args []any
	}{
		{"insert into account (id) values ($1)", []any{account}},
		{"insert into topup_attempt (id, account_id, journal_seq, state) values ($1, $2, 0, 'pending')", []any{attempt, account}},
	} {
		if _, err := db.Exec(t.Context(), row.sql, row.args...); err != nil {
			t.Fatal(err)
		}
	}
	servertest.Join(t, b)
	var state, reason string
	for deadline := time.Now().Add(30 * time.Second); reason == "" && time.Now().Before(deadline); {
		err := db.QueryRow(t.Context(), "select state, reason from topup_attempt where id = $1", attempt).Scan(&state, &reason)
		if err != nil {
			t.Fatal(err)
		}
	}
	if state != "skipped" || reason != "disabled" {
		t.Errorf("the attempt is %q for %q", state, reason)
	}
}
