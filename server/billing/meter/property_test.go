package meter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Any sequence of operations keeps the invariants of the package comment.
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{keeper: newKeeper(), now: noon}
		if rapid.Bool().Draw(t, "expiring first") {
			m.order = ExpiringFirst()
		}
		m.state.Account.Location = time.FixedZone("zone", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)
		t.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"wait":    m.wait,
			"reserve": m.reserve,
			"commit":  m.commit,
			"release": m.release,
			"grant":   m.grant,
			"extend":  m.extend,
			"void":    m.void,
		})
	})
}

// machine drives one account.
type machine struct {
	*keeper
	now time.Time
	n   uint16
}

func (m *machine) id() ID {
	m.n++
	return ID{byte(m.n >> 8), byte(m.n)}
}

func (m *machine) open(t *rapid.T) *Book {
	book, err := Open(m.state, m.now, m.order, GiftIDs{Welcome: m.id(), Daily: m.id()})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{-60, 0, 1, 60, 3600, 13 * 3600, 86400}).Draw(t, "wait")) * time.Second)
}

func (m *machine) reserve(t *rapid.T) {
	book := m.open(t)
	before := book.Balance()
	seconds := before.Spendable + rapid.SampledFrom([]int64{0, 1}).Draw(t, "above spendable")
	if rapid.Bool().Draw(t, "less") {
		seconds = rapid.Int64Range(1, 2000).Draw(t, "seconds")
	}
	free := slices.Clone(book.grants)
	hold, err := book.Reserve(ReserveRequest{
		HoldID: m.id(), Operation: MainBuild, Seconds: seconds,
		Max:        rapid.SampledFrom([]int64{0, seconds, seconds + 500}).Draw(t, "max"),
		ExpireTime: book.Now().Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "ttl")) * time.Second),
	})
	switch {
	case seconds == 0:
		if !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
	case seconds > before.Spendable:
		if !errors.Is(err, ErrInsufficient) || book.Balance().Spendable != before.Spendable {
			t.Fatalf("%d s of %d s: %v", seconds, before.Spendable, err)
		}
	case err != nil:
		t.Fatalf("%d s of %d s: %v", seconds, before.Spendable, err)
	default:
		burned(t, m.order, free, hold.Shares)
		m.keep(book)
	}
}

// burned checks that a grant gives seconds only when all that burn before it
// are empty.
func burned(t *rapid.T, order Order, before []Grant, shares []Share) {
	taken := map[ID]int64{}
	for _, share := range shares {
		taken[share.GrantID] += share.Seconds
	}
	for _, early := range before {
		for _, late := range before {
			if order.compare(early, late) < 0 && taken[late.ID] > 0 && taken[early.ID] < early.Free {
				t.Fatalf("%s gives %d s while %s keeps some", late.Kind, taken[late.ID], early.Kind)
			}
		}
	}
}

func (m *machine) commit(t *rapid.T) {
	if len(m.state.Holds) == 0 {
		t.Skip("no hold")
	}
	hold := rapid.SampledFrom(m.state.Holds).Draw(t, "hold")
	outcome := rapid.SampledFrom([]Outcome{Succeeded, FailedPlatform, FailedPolicy, Cancelled}).Draw(t, "outcome")
	active := time.Duration(rapid.Int64Range(0, 3_000_000).Draw(t, "active ms")) * time.Millisecond
	book := m.open(t)
	spendable := book.Balance().Spendable
	receipt, err := book.Commit(CommitRequest{HoldID: hold.ID, Outcome: outcome, Active: active, Planning: active / 2})
	if hold.State == HoldCommitted || hold.State == HoldReleased || hold.Outcome != "" {
		if !errors.Is(err, ErrHoldSettled) {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	due := Charge(outcome, active, active/2)
	if hold.Max > 0 {
		due = min(due, hold.Max)
	}
	available := spendable
	if !receipt.Late {
		available += hold.Seconds
	}
	if receipt.Charged != min(due, available) || receipt.Charged+receipt.Shortfall != due ||
		receipt.ByKind.Total() != receipt.Charged {
		t.Fatalf("due %d of %d available: %+v", due, available, receipt)
	}
	m.keep(book)
}

func (m *machine) release(t *rapid.T) {
	if len(m.state.Holds) == 0 {
		t.Skip("no hold")
	}
	hold := rapid.SampledFrom(m.state.Holds).Draw(t, "hold")
	book := m.open(t)
	_, err := book.Release(hold.ID)
	if refused := hold.State == HoldCommitted || hold.State == HoldReleased; refused != errors.Is(err, ErrHoldSettled) {
		t.Fatalf("release of a hold that is %s: %v", hold.State, err)
	}
	if err == nil {
		m.keep(book)
	}
}

func (m *machine) grant(t *rapid.T) {
	book := m.open(t)
	request := GrantRequest{
		GrantID: m.id(), Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"), Source: SourceAdmin,
		Seconds: rapid.Int64Range(1, 1000).Draw(t, "seconds"),
	}
	if rapid.Bool().Draw(t, "expires") {
		request.ExpireTime = book.Now().Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "life")) * time.Second)
	}
	if _, err := book.Grant(request); err != nil {
		t.Fatal(err)
	}
	m.keep(book)
}

func (m *machine) extend(t *rapid.T) {
	if len(m.state.Holds) == 0 {
		t.Skip("no hold")
	}
	hold := rapid.SampledFrom(m.state.Holds).Draw(t, "hold")
	book := m.open(t)
	before := book.Balance()
	more := rapid.Int64Range(0, 1500).Draw(t, "seconds")
	extended, err := book.Extend(ExtendRequest{
		HoldID: hold.ID, Seconds: more, ExpireTime: book.Now().Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "ttl")) * time.Second),
	})
	var want error
	switch {
	case hold.State != HoldOpen || !hold.ExpireTime.After(book.Now()):
		want = ErrHoldSettled
	case hold.Max > 0 && hold.Seconds+more > hold.Max:
		want = ErrInvalid
	case more > before.Spendable:
		want = ErrInsufficient
	}
	if !errors.Is(err, want) {
		t.Fatalf("%d s for %+v: %v, want %v", more, hold, err, want)
	}
	if err != nil {
		return
	}
	sum := int64(0)
	for i, share := range extended.Shares {
		sum += share.Seconds
		if i > 0 && m.order.compare(*book.grant(extended.Shares[i-1].GrantID), *book.grant(share.GrantID)) >= 0 {
			t.Fatalf("shares are not in burn order: %+v", extended.Shares)
		}
	}
	if after := book.Balance(); sum != hold.Seconds+more || extended.Seconds != sum ||
		after.Spendable != before.Spendable-more || after.Held != before.Held+more || extended.ExpireTime.Before(hold.ExpireTime) {
		t.Fatalf("%d s for %+v gave %+v", more, hold, extended)
	}
	m.keep(book)
}

func (m *machine) void(t *rapid.T) {
	if len(m.state.Grants) == 0 {
		t.Skip("no grant")
	}
	grant := rapid.SampledFrom(m.state.Grants).Draw(t, "grant")
	book := m.open(t)
	before := book.Balance()
	free, owed := int64(0), int64(0)
	if stored := book.find(grant.ID); stored != nil {
		free, owed = stored.Free, stored.Owed
	}
	seconds := rapid.Int64Range(0, 2000).Draw(t, "seconds")
	voided, err := book.Void(VoidRequest{Grant: grant, Seconds: seconds})
	if err != nil {
		t.Fatal(err)
	}
	stored := book.grant(grant.ID)
	if after := book.Balance(); after.Spendable != before.Spendable-voided.Seconds || after.Held != before.Held ||
		voided.Used != stored.Consumed+stored.Held {
		t.Fatalf("void of %+v: %+v", grant, voided)
	}
	// What is not taken at once is owed, as far as it is held.
	wantTaken, wantOwed := free, stored.Held
	if seconds > 0 {
		wantTaken = min(free, seconds)
		wantOwed = min(owed+seconds-wantTaken, stored.Held)
	}
	if voided.Seconds != wantTaken || stored.Owed != wantOwed {
		t.Fatalf("void of %d s of %+v: %+v, %d s owed", seconds, grant, voided, stored.Owed)
	}
	m.keep(book)
}

func (m *machine) check(t *rapid.T) {
	if err := conserved(m.state); err != nil {
		t.Fatal(err)
	}
	if err := replayed(m.state, m.journal); err != nil {
		t.Fatal(err)
	}
	if due := m.state.Account.NextDue; !due.IsZero() && len(m.journal) > 0 {
		// What is due is settled by opening, so it lies ahead of the last entry.
		if !due.After(m.state.Account.LastTime) {
			t.Fatalf("due at %s, last entry at %s", due, m.state.Account.LastTime)
		}
	}
}

// conserved checks that no number is negative and no second is lost.
func conserved(state State) error {
	var sum Account
	for _, g := range state.Grants {
		if min(g.Free, g.Held, g.Consumed, g.Lapsed) < 0 || g.Seconds != g.Free+g.Held+g.Consumed+g.Lapsed {
			return fmt.Errorf("grant %+v", g)
		}
		if g.Owed < 0 || g.Owed > g.Held || g.Owed > 0 && g.Free > 0 || !g.VoidTime.IsZero() && g.Owed != g.Held {
			return fmt.Errorf("owed of grant %+v", g)
		}
		sum.Granted += g.Seconds
		sum.Free += g.Free
		sum.Held += g.Held
		sum.Consumed += g.Consumed
		sum.Lapsed += g.Lapsed
	}
	a := state.Account
	if sum.Granted != a.Granted || sum.Free != a.Free || sum.Held != a.Held || sum.Consumed != a.Consumed || sum.Lapsed != a.Lapsed {
		return fmt.Errorf("grants sum up to %+v, account %+v", sum, a)
	}
	held := int64(0)
	for _, hold := range state.Holds {
		if hold.State == HoldOpen {
			held += hold.Seconds
		}
	}
	if held != a.Held {
		return fmt.Errorf("holds %d, account %d", held, a.Held)
	}
	return nil
}

// replayed plays the journal from its beginning and compares it with what is.
func replayed(state State, journal []Entry) error {
	grants := map[ID]Line{}
	terminals := map[ID]int{}
	var head Hash
	var last time.Time
	balance := Amounts{}
	for i, e := range journal {
		if e.Seq != int64(i+1) || e.Prev != head || e.Hash != e.Digest() || e.Time.Before(last) {
			return fmt.Errorf("entry %d does not follow: %+v", i+1, e)
		}
		head, last = e.Hash, e.Time
		for _, line := range e.Lines {
			sum := grants[line.GrantID]
			sum.Free += line.Free
			sum.Held += line.Held
			sum.Consumed += line.Consumed
			sum.Lapsed += line.Lapsed
			grants[line.GrantID] = sum
			balance.add(line.Kind, line.Free)
		}
		if e.Balance.Spendable != balance.Total() || !maps.Equal(e.Balance.ByKind, balance) {
			return fmt.Errorf("entry %d says %+v, replay %v", e.Seq, e.Balance, balance)
		}
		switch e.Kind {
		case EntryCommit, EntryRelease, EntryExpire:
			terminals[e.HoldID]++
		case EntryGrant, EntryLapse, EntryVoid, EntryHold, EntryExtend, EntryLateCommit:
		}
	}
	for _, g := range state.Grants {
		if got := grants[g.ID]; got.Free != g.Free || got.Held != g.Held || got.Consumed != g.Consumed || got.Lapsed != g.Lapsed {
			return fmt.Errorf("replay gives %+v, grant is %+v", got, g)
		}
	}
	for _, hold := range state.Holds {
		if ended := hold.State != HoldOpen; ended != (terminals[hold.ID] == 1) || terminals[hold.ID] > 1 {
			return fmt.Errorf("hold %s is %s after %d terminal events", hold.ID, hold.State, terminals[hold.ID])
		}
	}
	if head != state.Account.Head {
		return errors.New("the account's head is not the journal's")
	}
	return nil
}
