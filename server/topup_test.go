package server

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/store/storetest"
)

// Decisions become a job, many of one moment a single one.
func TestTopUpNudge(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	jobs, err := newJobs(db, &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	nudge, done := newTopUpNudge(), make(chan struct{})
	for range 3 {
		nudge.note()
	}
	go func() {
		defer close(done)
		nudge.run(ctx, jobs, slog.New(slog.DiscardHandler))
	}()
	count := 0
	for deadline := time.Now().Add(20 * time.Second); count == 0 && time.Now().Before(deadline); {
		err := db.QueryRow(t.Context(), "select count(*) from river_job where kind = 'billing_topup' and max_attempts = 1").Scan(&count)
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-done
	if count != 1 {
		t.Errorf("%d jobs", count)
	}
}
