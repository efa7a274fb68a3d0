package preview

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// However many requests there are for a content, it is in memory once, and when the
// last one is over, not at all.
func TestShelfHoldsEachContentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads, goOn := 0, make(chan struct{})
		s := newShelf(func(ctx context.Context, d Digest) ([]byte, error) {
			reads++
			<-goOn
			return d[:], ctx.Err()
		})
		digest := DigestOf([]byte("a"))
		// The first one leaves while it reads; that does not concern the others.
		leaving, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, giveBack, err := s.take(leaving, digest); err == nil {
				giveBack()
			}
		})
		synctest.Wait()
		leave()
		contents, backs := make([][]byte, 50), make([]func(), 50)
		for i := range contents {
			group.Go(func() {
				var err error
				if contents[i], backs[i], err = s.take(t.Context(), digest); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(goOn)
		group.Wait()
		for i := range contents {
			if &contents[i][0] != &contents[0][0] {
				t.Fatal("two copies")
			}
		}
		if reads != 1 || len(s.held) != 1 {
			t.Errorf("%d reads, %d held", reads, len(s.held))
		}
		for _, giveBack := range backs {
			giveBack()
		}
		if len(s.held) != 0 {
			t.Error("held though nobody uses it")
		}
	})
}

// Who waits for another's read gives up with its own context, and an error is not
// kept for those who come later.
func TestShelfErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn, fails := make(chan struct{}), errors.New("away")
		s := newShelf(func(context.Context, Digest) ([]byte, error) {
			<-goOn
			return nil, fails
		})
		digest := DigestOf([]byte("a"))
		var group sync.WaitGroup
		group.Go(func() {
			if _, _, err := s.take(t.Context(), digest); !errors.Is(err, fails) {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := s.take(gone, digest); !errors.Is(err, context.Canceled) {
			t.Errorf("one that left: %v", err)
		}
		close(goOn)
		group.Wait()
		fails = nil
		_, giveBack, err := s.take(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		giveBack()
		if len(s.held) != 0 {
			t.Errorf("%d held", len(s.held))
		}
	})
}
