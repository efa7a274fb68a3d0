package event

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// pageSize is how many records are read at once.
	pageSize = 500
	// pageBytes bounds what is kept of them.
	pageBytes = 256 << 10
	// keptPages bounds all pages that a node keeps for those who come after the
	// one that asked, and keepPages how long.
	keptPages = 64
	keepPages = 5 * time.Second
	// concurrentReads bounds the reads in flight, so that a crowd that catches up
	// delays neither appends nor those who keep up.
	concurrentReads = 4
	// readTimeout bounds one read.
	readTimeout = 10 * time.Second
)

// pages reads the log for those who are behind. However many wait for the same
// page, it is read once. It is safe for concurrent use.
type pages struct {
	read  func(ctx context.Context, buildID uuid.UUID, afterSeq int64, limit int32) ([]Record, error)
	slots chan struct{}

	mu sync.Mutex
	// known holds pages and reads in flight by build and the seq before the first.
	known map[pageKey]*page
	// order is the finished reads, the oldest first.
	order []kept
}

type kept struct {
	key  pageKey
	page *page
}

type pageKey struct {
	build uuid.UUID
	after int64
}

// page is one read, in flight until done is closed.
type page struct {
	// waiting is how many wait for it; when the last one leaves, stop ends it.
	waiting int
	stop    context.CancelFunc

	done    chan struct{}
	records []Record
	err     error
	readAt  time.Time
}

func newPages(read func(context.Context, uuid.UUID, int64, int32) ([]Record, error)) *pages {
	return &pages{read: read, slots: make(chan struct{}, concurrentReads), known: make(map[pageKey]*page)}
}

// after returns records from behind a position on; none if there are none. Pages
// begin at multiples of their size, so that subscribers at different places share
// them. One that ends early, by its bytes or because the log or the cache did, is
// gone on from.
func (p *pages) after(ctx context.Context, buildID uuid.UUID, position int64) ([]Record, error) {
	key := pageKey{buildID, position - position%pageSize}
	for {
		records, err := p.get(ctx, key)
		if err != nil || len(records) == 0 {
			return nil, err
		}
		skip := max(0, position+1-records[0].Seq)
		if skip < int64(len(records)) {
			return records[skip:], nil
		}
		key.after = records[len(records)-1].Seq
	}
}

func (p *pages) get(ctx context.Context, key pageKey) ([]Record, error) {
	wanted := p.claim(ctx, key)
	select {
	case <-wanted.done:
		return wanted.records, wanted.err
	case <-ctx.Done():
		p.leave(key, wanted)
		return nil, context.Cause(ctx)
	}
}

// claim returns the page of a key, and begins to read it if nobody has yet.
func (p *pages) claim(ctx context.Context, key pageKey) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.known[key]; ok {
		known.waiting++
		return known
	}
	// Not the end of the caller's context: others will wait for this read too.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	fresh := &page{waiting: 1, stop: stop, done: make(chan struct{})}
	p.known[key] = fresh
	go p.fill(ctx, key, fresh)
	return fresh
}

// leave counts off one who no longer waits.
func (p *pages) leave(key pageKey, left *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left.waiting--
	if left.waiting == 0 {
		p.drop(key, left)
		left.stop()
	}
}

func (p *pages) fill(ctx context.Context, key pageKey, fresh *page) {
	defer fresh.stop()
	limit := pageSize - key.after%pageSize
	var records []Record
	select {
	case p.slots <- struct{}{}:
		records, fresh.err = p.read(ctx, key.build, key.after, int32(limit))
		<-p.slots
	case <-ctx.Done():
		fresh.err = ctx.Err()
	}
	fresh.records, fresh.readAt = cut(records, pageBytes), time.Now()
	p.keep(key, fresh)
	close(fresh.done)
}

// keep lets the oldest page go when there are too many. What could not be read
// is not kept at all.
func (p *pages) keep(key pageKey, fresh *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(fresh.records) == 0 {
		p.drop(key, fresh)
		return
	}
	p.order = append(p.order, kept{key, fresh})
	if len(p.order) > keptPages {
		p.drop(p.order[0].key, p.order[0].page)
		p.order = p.order[1:]
	}
}

func (p *pages) drop(key pageKey, old *page) {
	if p.known[key] == old {
		delete(p.known, key)
	}
}

// expire lets the pages go that were read before an instant.
func (p *pages) expire(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.order) > 0 && p.order[0].page.readAt.Before(before) {
		p.drop(p.order[0].key, p.order[0].page)
		p.order = p.order[1:]
	}
}
