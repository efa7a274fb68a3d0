package preview

import (
	"context"
	"sync"
	"time"
)

// readTimeout is what a browser waits for a store that does not answer.
const readTimeout = 10 * time.Second

// shelf holds the contents that are being served: each once, however many requests
// there are for it. So what clients that read slowly keep in memory is bounded by the
// sizes of the sites, and not by the number of requests. It is safe for concurrent
// use.
type shelf struct {
	get func(context.Context, Digest) ([]byte, error)

	mu   sync.Mutex
	held map[Digest]*held
}

// held is a content with those who use it.
type held struct {
	users int
	// read is closed when content and err are there.
	read    chan struct{}
	content []byte
	err     error
}

func newShelf(get func(context.Context, Digest) ([]byte, error)) *shelf {
	return &shelf{get: get, held: map[Digest]*held{}}
}

// take returns a content, which is the caller's to read until it calls giveBack,
// once. With an error there is nothing to give back. The errors are those of get and
// the cause of the end of ctx.
func (s *shelf) take(ctx context.Context, digest Digest) (content []byte, giveBack func(), err error) {
	h, first := s.enter(digest)
	giveBack = func() { s.leave(digest, h) }
	if first {
		s.fill(ctx, digest, h)
	}
	select {
	case <-h.read:
		err = h.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		giveBack()
		return nil, nil, err
	}
	return h.content, giveBack, nil
}

// enter makes the caller a user of a content; first is to read it for all.
func (s *shelf) enter(digest Digest) (h *held, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h = s.held[digest]
	if first = h == nil; first {
		h = &held{read: make(chan struct{})}
		s.held[digest] = h
	}
	h.users++
	return h, first
}

// fill reads a content. The others wait for it even if the first one has left.
func (s *shelf) fill(ctx context.Context, digest Digest, h *held) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	h.content, h.err = s.get(ctx, digest)
	if h.err != nil {
		s.forget(digest, h) // Whoever comes next tries again.
	}
	close(h.read)
}

func (s *shelf) leave(digest Digest, h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	if h.users == 0 && s.held[digest] == h {
		delete(s.held, digest)
	}
}

func (s *shelf) forget(digest Digest, h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[digest] == h {
		delete(s.held, digest)
	}
}
