package event

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

const (
	// defaultWindow is how long the first event of a batch waits for company.
	defaultWindow = 2 * time.Millisecond
	// defaultBatch is how many events end the wait, and batchBytesMax how many bytes.
	defaultBatch  = 256
	batchBytesMax = 4 << 20
	// crowdFactor is how many times that a statement takes when so much waits
	// already: the more in one commit, the less each event costs.
	crowdFactor = 4
	// defaultCommits is how many statements are under way at a time: BenchmarkAppend
	// stored a third more with two than with one, and no more with three (2 cores).
	defaultCommits = 2
	// The bounds of what is accepted and not yet answered.
	defaultQueueEvents = 16384
	defaultQueueBytes  = 32 << 20
	// stopTimeout bounds what is finished after the end of [Appender.Run]'s context.
	stopTimeout = 10 * time.Second
)

// errStopped says that an appender takes no more, or did not get to an append
// before its end. Nothing was stored; another node can.
var errStopped = fmt.Errorf("the appender has stopped: %w", store.ErrUnavailable)

// Appender stores events of many builds with few commits: what arrives within a
// window goes into one statement. A node has one. It is safe for concurrent use;
// [Appender.Run] must run.
//
// A build has one append under way at a time, and its appends are stored in the
// order in which they came. A build whose row another transaction holds is left
// for the next batch; after a few it is waited for alone, beside the others.
type Appender struct {
	log     *Log
	publish func(batches ...Batch)
	window  time.Duration
	batch   int
	commits int
	room    room

	// wake tells Run that something is ready or a statement is through.
	wake chan struct{}
	// flights are the statements under way.
	flights sync.WaitGroup

	mu    sync.Mutex
	lanes map[uuid.UUID]*lane
	// ready are the lanes that may go, in the order in which they became so.
	ready []*lane
	// readyEvents are how many events they hold, readyBytes how much.
	readyEvents, readyBytes int
	// flying and alone count the statements under way, and those that wait for a
	// build that another transaction holds.
	flying, alone int
	stopping      bool
}

// AppenderOption changes what an [Appender] does by default.
type AppenderOption func(*Appender)

// WithWindow sets how long the first event of a batch waits for company; the
// default is 2 ms.
func WithWindow(d time.Duration) AppenderOption { return func(a *Appender) { a.window = d } }

// WithBatch sets how many events end the wait; the default is 256.
func WithBatch(events int) AppenderOption { return func(a *Appender) { a.batch = events } }

// WithCommits sets how many statements are under way at a time; the default is 2.
func WithCommits(n int) AppenderOption { return func(a *Appender) { a.commits = n } }

// WithQueue bounds what is accepted and not yet answered, in events and in bytes;
// the defaults are 16384 and 32 MiB. An append beyond them waits, and one that is
// larger than them goes alone.
func WithQueue(events, bytes int) AppenderOption {
	return func(a *Appender) { a.room.maxEvents, a.room.maxBytes = events, bytes }
}

// NewAppender makes the appender of a log. Each commit is followed by one call of
// publish, which must not block, with a batch per build; the producers hear of the
// commit after that, so that what they append next is published next.
func NewAppender(log *Log, publish func(batches ...Batch), opts ...AppenderOption) *Appender {
	a := &Appender{
		log: log, publish: publish,
		window: defaultWindow, batch: defaultBatch, commits: defaultCommits,
		wake:  make(chan struct{}, 1),
		lanes: make(map[uuid.UUID]*lane),
	}
	a.room.maxEvents, a.room.maxBytes = defaultQueueEvents, defaultQueueBytes
	for _, opt := range opts {
		opt(a)
	}
	return a
}

// entry is one append.
type entry struct {
	producer Producer
	expected int64
	events   []encoded
	bytes    int
	accepted time.Time

	// sent says that it has been part of a statement, left that its caller has
	// gone. The appender's mutex guards both.
	sent, left bool

	// done is closed when batch and err are set.
	done  chan struct{}
	batch Batch
	err   error
}

// Append stores events at the end of a build's log and returns after the commit.
// Only the payload of each event counts. It waits for as long as the queue is
// full; ctx ends that wait and any other, with its cause. An expectedSeq above 0
// is the seq that the first event must get; 0 means wherever the log ends.
//
// An append with an expected seq whose events are stored there already, because an
// earlier one was not answered, returns the batch as stored. Errors:
// [ErrLeaseLost] if the token is stale or the build is over, [*SeqConflictError]
// if the log ends elsewhere, [store.ErrNotFound] for an unknown build: nothing is
// stored then. [ErrOutcomeUnknown] if the commit was not answered; with an
// expected seq it is repeated here until ctx ends.
func (a *Appender) Append(ctx context.Context, p Producer, expectedSeq int64, events ...*eventv1.BuildEvent) (Batch, error) {
	if len(events) == 0 {
		return Batch{BuildID: p.BuildID}, nil
	}
	rows, err := encodeAll(events)
	if err != nil {
		return Batch{}, err
	}
	e := &entry{producer: p, expected: expectedSeq, events: rows, done: make(chan struct{})}
	for _, row := range rows {
		e.bytes += len(row.payload)
	}
	if err := a.room.enter(ctx, len(rows), e.bytes); err != nil {
		return Batch{}, err
	}
	if err := a.accept(e); err != nil {
		return Batch{}, err
	}
	select {
	case <-e.done:
		return e.batch, e.err
	case <-ctx.Done():
		return a.leave(ctx, e)
	}
}

// leave is what becomes of an append whose caller does not wait for its end.
func (a *Appender) leave(ctx context.Context, e *entry) (Batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-e.done:
		return e.batch, e.err
	default:
	}
	e.left = true
	if e.sent {
		return Batch{}, fmt.Errorf("%w: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
	a.withdraw(e)
	return Batch{}, context.Cause(ctx)
}

// Run stores what is appended until ctx ends; then it takes no more, stores what
// it has accepted, for ten seconds at most, and returns.
func (a *Appender) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	// A statement that is under way when ctx ends is not cut.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	for {
		batch, wait := a.next()
		if len(batch) > 0 {
			a.flights.Go(func() { a.store(work, batch) })
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			a.finish(work, cut)
			return
		case <-a.wake:
		case <-timer.C:
		}
	}
}

// finish stores what was accepted, and cuts what is not through when its time is
// over.
func (a *Appender) finish(ctx context.Context, cut context.CancelFunc) {
	a.room.close()
	a.mu.Lock()
	a.stopping = true
	a.mu.Unlock()
	end := time.AfterFunc(stopTimeout, func() {
		cut()
		a.nudge()
	})
	defer end.Stop()
	for a.busy() {
		if ctx.Err() != nil {
			a.giveUp()
		} else if batch, _ := a.next(); len(batch) > 0 {
			a.flights.Go(func() { a.store(ctx, batch) })
			continue
		}
		if a.busy() {
			<-a.wake
		}
	}
	a.flights.Wait()
}

// nudge wakes Run.
func (a *Appender) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// busy reports whether anything is accepted and not answered.
func (a *Appender) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lanes) > 0
}

// giveUp answers all that no statement holds.
func (a *Appender) giveUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lanes {
		for _, e := range l.entries {
			err := errStopped
			if e.sent {
				err = ErrOutcomeUnknown
			}
			a.end(e, err)
		}
		l.entries = nil
	}
	a.readyEvents, a.readyBytes = 0, 0
	a.dropEmpty()
}
