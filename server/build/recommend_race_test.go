package build_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

// signal appends to a running build's log as recommendations do, over and over until
// ctx ends, and returns how often it did.
func (b *testBundle) signal(ctx context.Context, id uuid.UUID) int {
	done := 0
	for ctx.Err() == nil {
		err := store.InTx(b.t.Context(), b.db, func(tx pgx.Tx) error {
			row, err := store.New().RecommendationBuildLock(b.t.Context(), tx, &store.RecommendationBuildLockParams{ID: id})
			if err != nil {
				return err
			}
			_, err = b.ports.Log.Append(b.t.Context(), tx, event.Producer{BuildID: id, LeaseToken: row.LeaseToken},
				&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_RecommendationsReady{RecommendationsReady: &eventv1.RecommendationsReady{Revision: 1}}})
			return err
		})
		if err == nil {
			done++
		}
		if waitFor(ctx, stormAttempt/50) != nil {
			break
		}
	}
	return done
}

// A run whose connections are killed while somebody else appends to its log too writes
// everything once all the same.
func TestWritesOfUnknownOutcomeBesideSignals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.queued().GetId()
	var files []string
	var said strings.Builder
	var killed int64
	signaled := 0
	e := &script{written: func(ctx context.Context, _ []string, s engine.Sink) error {
		signaling, quiet := context.WithCancel(ctx)
		var group sync.WaitGroup
		group.Go(func() { signaled = b.signal(signaling, uuid.MustParse(id)) })
		stop := b.killAppends()
		defer func() {
			quiet()
			group.Wait()
			killed = stop()
		}()
		for i := range 60 {
			files = append(files, fmt.Sprintf("page%d.html", i))
			if err := write(ctx, s, files[i], page(files[i])); err != nil {
				return err
			}
			// Text of this size ends the wait for company.
			piece := fmt.Sprintf("%d ", i) + strings.Repeat("y", 2<<10)
			said.WriteString(piece)
			if err := s.Text(ctx, piece); err != nil {
				return err
			}
		}
		return write(ctx, s, "index.html", page("x"))
	}}
	must(t, work(t.Context(), b.newWorker(e), id))
	events := b.events(id)
	if got := paths(events); !slices.Equal(got, append(files, "index.html")) || b.build(id).GetState() != complete {
		t.Errorf("%v wrote %q", b.build(id).GetState(), got)
	}
	if text(events) != spoken+said.String() {
		t.Errorf("%d bytes of text, want %d", len(text(events)), said.Len())
	}
	if killed == 0 || signaled == 0 {
		t.Errorf("%d connections killed, %d signals", killed, signaled)
	}
}
