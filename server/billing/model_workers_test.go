package billing_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

const (
	workers = 8
	// roundSteps is what one worker does in a round, between two looks at what
	// came of it.
	roundSteps = 15
	// maxRepeats bounds how often a request is repeated that got no answer.
	maxRepeats = 100
)

// Eight workers at few accounts get answers that are those of the model in the
// journal's order, while backends are killed and replies are lost.
func TestModelConcurrently(t *testing.T) {
	t.Parallel()
	for i, order := range []string{"", "expiring-first"} {
		t.Run("order "+order, func(t *testing.T) {
			t.Parallel()
			runWorkers(t, order, uint64(i), 35)
		})
	}
}

// runWorkers lets the workers do so many rounds and returns their steps.
func runWorkers(t *testing.T, order string, seed uint64, rounds int) int {
	t.Helper()
	burning, err := meter.ParseOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	thief := &replyThief{}
	thief.every.Store(40)
	url := storetest.URL(t)
	open := func(opts ...store.Option) *store.DB {
		db, err := store.Open(t.Context(), url, opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	c := &workshop{t: t, db: open(thief.option), seen: &tally{counts: map[string]int{}}}
	quiet := open(store.WithMaxConns(1))
	t.Cleanup(func() { audit(t, quiet) })
	c.ledger = billing.NewLedger(billing.Options{Order: &burning, Clock: func(time.Time) time.Time { return *c.clock.Load() }})
	saboteur := &killer{db: quiet}
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range rounds {
		if round%5 == 0 { // accounts that stay small
			c.meet(order != "", random)
		}
		c.round(seed*10_000+uint64(round), random, saboteur)
		c.check(quiet)
		if t.Failed() {
			t.Fatalf("in round %d of seed %d", round, seed)
		}
	}
	steps := rounds * workers * roundSteps
	t.Logf("%d steps, %d backends killed, %d replies lost, %d requests repeated for them: %v",
		steps, saboteur.killed, thief.stolen.Load(), c.unanswered.Load(), c.seen.counts)
	if saboteur.killed == 0 || thief.stolen.Load() == 0 || c.unanswered.Load() == 0 {
		t.Error("a fault has not fired")
	}
	c.seen.want(t, eventKinds, refusalKinds)
	return steps
}

// workshop is the workers and what they work on.
type workshop struct {
	t          *testing.T
	db         *store.DB
	ledger     *billing.Ledger
	seen       *tally
	clock      atomic.Pointer[time.Time]
	clocks     []time.Time // of this round
	accounts   []*shared
	unanswered atomic.Int64
}

// shared is an account that all workers use.
type shared struct {
	*modelled

	mu            sync.Mutex
	holds, grants []uuid.UUID
	answered      []any // requests
	records       []record
}

// record is a request that has got an answer.
type record struct {
	worker  int
	request any
	answer  answer
}

// meet replaces the accounts.
func (c *workshop) meet(expiringFirst bool, random *rand.Rand) {
	day, err := time.Parse(time.DateOnly, modelDays[random.IntN(len(modelDays))])
	if err != nil {
		c.t.Fatal(err)
	}
	c.clock.Store(&day)
	c.accounts = nil
	for range 3 {
		account, err := meetAccount(c.t.Context(), c.db, modelZones[random.IntN(len(modelZones))], expiringFirst)
		for repeats := 0; errors.Is(err, store.ErrUnavailable) && repeats < maxRepeats; repeats++ {
			account, err = meetAccount(c.t.Context(), c.db, modelZones[random.IntN(len(modelZones))], expiringFirst)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		c.accounts = append(c.accounts, &shared{modelled: account})
	}
}

// round lets the workers go once. Halfway the clock moves, so that some wait for
// a lock meanwhile.
func (c *workshop) round(seed uint64, random *rand.Rand, saboteur *killer) {
	now := *c.clock.Load()
	first := step{Name: waits[random.IntN(len(waits))]}.wait(now, c.accounts[0].modelAccount)
	second := step{Name: waits[random.IntN(len(waits))]}.wait(first, c.accounts[1].modelAccount)
	c.clocks = []time.Time{first, second}
	c.clock.Store(&first)
	script := rapid.SliceOfN(steps(), workers*roundSteps, workers*roundSteps).Example(int(seed))
	progress := make(chan struct{})
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i, next := range script[worker*roundSteps : (worker+1)*roundSteps] {
				c.take(worker, i, next)
				progress <- struct{}{}
			}
		})
	}
	for done := range workers * roundSteps {
		<-progress
		switch done {
		case workers * roundSteps / 4, workers * roundSteps * 3 / 4:
			saboteur.strike(c.t)
		case workers * roundSteps / 2:
			c.clock.Store(&second)
		}
	}
	all.Wait()
}

// take does one step, and repeats it until it has an answer.
func (c *workshop) take(worker, number int, next step) {
	account := c.accounts[next.Account%len(c.accounts)]
	switch next.Do {
	case "wait", "probe", "hold":
		next.Do = "read"
	}
	request := account.choose(next, *c.clock.Load(), fmt.Sprintf("%d-%d-%d", worker, number, c.clocks[0].UnixMicro()))
	if request == nil {
		return
	}
	got, err := ask(c.t.Context(), c.ledger, c.db, request, next.Flag)
	for repeats := 0; errors.Is(err, store.ErrUnavailable) && repeats < maxRepeats; repeats++ {
		c.unanswered.Add(1)
		got, err = ask(c.t.Context(), c.ledger, c.db, request, !next.Flag)
	}
	if err != nil {
		c.t.Errorf("%+v: %v", request, err)
		return
	}
	account.keep(record{worker: worker, request: request, answer: got})
}

// choose makes a request of a step from what the account's workers know.
func (s *shared) choose(next step, now time.Time, key string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := next.request(choices{
		account: s.id, now: now, key: key, spendable: 2000, holds: s.holds, grants: s.grants, sent: s.sent,
	})
	switch next.Do {
	case "reuse": // of what has surely been done
		return altered(pick(s.answered, next.Pick))
	case "repeat":
		return request
	}
	if reserve, ok := request.(billing.ReserveRequest); ok && reserve.Key == "" {
		reserve.Key = key // without a key it could not be repeated
		request = reserve
	}
	if _, read := request.(readRequest); !read && request != nil {
		s.sent = append(s.sent, request)
	}
	return request
}

func (s *shared) keep(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	if r.answer.Refusal != "" {
		return
	}
	switch r.request.(type) {
	case billing.ReserveRequest:
		if !slices.Contains(s.holds, r.answer.Hold.ID) {
			s.holds = append(s.holds, r.answer.Hold.ID)
		}
	case billing.GrantRequest:
		if !slices.Contains(s.grants, r.answer.Credit.ID) {
			s.grants = append(s.grants, r.answer.Credit.ID)
		}
	case billing.ReleaseRequest, readRequest:
		return
	}
	s.answered = append(s.answered, r.request)
}
