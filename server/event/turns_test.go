package event

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{make(chan struct{}, 1)}
		began := time.Now()
		at := func(want time.Duration, what string) {
			t.Helper()
			if got := time.Since(began); got != want {
				t.Errorf("%s after %v, not %v", what, got, want)
			}
		}
		first := turns.take(t.Context())
		<-time.After(10 * time.Millisecond)
		first()
		second := turns.take(t.Context())
		at(20*time.Millisecond, "the second turn")
		third := turns.take(t.Context())
		at(20*time.Millisecond+turnTime, "the turn behind a slow one")
		second()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		turns.take(ctx)()
		at(21*time.Millisecond+turnTime, "the one who left")
		third()
		turns.take(t.Context())()
		turns.take(t.Context())()
	})
}
