package meter

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// noon is an instant in the middle of a UTC day.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keeper stores what books say, as the database does, and makes ids.
type keeper struct {
	state   State
	journal []Entry
	order   Order
	ids     byte
}

func newKeeper() *keeper {
	return &keeper{state: State{Account: Account{ID: ID{0xaa}}}, order: DefaultOrder()}
}

func (k *keeper) id() ID {
	k.ids++
	return ID{k.ids}
}

func (k *keeper) open(t testing.TB, now time.Time) *Book {
	t.Helper()
	book, err := Open(k.state, now, k.order, GiftIDs{Welcome: k.id(), Daily: k.id()})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// keep stores the changes of a book. Closed grants and settled holds stay, to
// show that they do not disturb.
func (k *keeper) keep(book *Book) {
	changes := book.Changes()
	k.state.Account = changes.Account
	k.state.Grants = append(merge(k.state.Grants, changes.Grants, func(g Grant) ID { return g.ID }), changes.MadeGrants...)
	changed := slices.Concat(changes.Extended, changes.Holds)
	k.state.Holds = append(merge(k.state.Holds, changed, func(h Hold) ID { return h.ID }), changes.MadeHolds...)
	k.journal = append(k.journal, changes.Entries...)
}

func merge[T any](rows, changed []T, id func(T) ID) []T {
	merged := make([]T, 0, len(rows))
	for _, row := range rows {
		for _, change := range changed {
			if id(change) == id(row) {
				row = change
			}
		}
		merged = append(merged, row)
	}
	return merged
}

func (k *keeper) reserve(t *testing.T, now time.Time, seconds int64, ttl time.Duration) Hold {
	t.Helper()
	book := k.open(t, now)
	hold, err := book.Reserve(ReserveRequest{
		HoldID: k.id(), Operation: MainBuild, Seconds: seconds, ExpireTime: now.Add(ttl),
	})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	return hold
}

func (k *keeper) commit(t *testing.T, now time.Time, hold Hold, outcome Outcome, active time.Duration) *Receipt {
	t.Helper()
	book := k.open(t, now)
	receipt, err := book.Commit(CommitRequest{HoldID: hold.ID, Outcome: outcome, Active: active, Planning: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	k.keep(book)
	return receipt
}

func wantBalance(t *testing.T, got Balance, held int64, want Amounts) {
	t.Helper()
	if !maps.Equal(got.ByKind, want) || got.Held != held || got.Spendable != want.Total() {
		t.Errorf("balance %+v, want %v and %d s held", got, want, held)
	}
}

func TestOpenMakesGiftsLazily(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	gifts := Amounts{Welcome: 3000, Daily: 900}
	book := k.open(t, noon)
	wantBalance(t, book.Balance(), 0, gifts)
	if reset := book.Balance().GiftReset; !reset.Equal(noon.Add(12 * time.Hour)) {
		t.Errorf("gift resets at %s", reset)
	}
	k.keep(book)
	again := k.open(t, noon.Add(time.Hour))
	wantBalance(t, again.Balance(), 0, gifts)
	if entries := again.Changes().Entries; len(entries) != 0 {
		t.Errorf("opening again writes %d entries", len(entries))
	}
	// The new day's gift is there at its first instant.
	wantBalance(t, k.open(t, noon.Add(12*time.Hour)).Balance(), 0, gifts)
	// Days without use gave nothing; the old gift lapses, one new one is made.
	later := k.open(t, noon.Add(72*time.Hour))
	wantBalance(t, later.Balance(), 0, gifts)
	k.keep(later)
	if got := k.state.Account; got.Granted != 4800 || got.Lapsed != 900 {
		t.Errorf("granted %d, lapsed %d", got.Granted, got.Lapsed)
	}
}

func TestMovingZoneGainsNoGift(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	k.keep(k.open(t, noon))
	k.state.Account.Location = time.FixedZone("ahead", 13*3600)
	book := k.open(t, noon.Add(time.Hour))
	wantBalance(t, book.Balance(), 0, Amounts{Welcome: 3000, Daily: 900})
	if entries := book.Changes().Entries; len(entries) != 0 {
		t.Errorf("%d entries", len(entries))
	}
}

func TestCommitConsumesAndReturns(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	hold := k.reserve(t, noon, 3300, time.Hour)
	if len(hold.Shares) != 2 || hold.Shares[0].Seconds != 3000 || hold.Shares[1].Seconds != 300 {
		t.Errorf("shares %+v", hold.Shares)
	}
	wantBalance(t, k.open(t, noon).Balance(), 3300, Amounts{Daily: 600})
	receipt := k.commit(t, noon.Add(time.Minute), hold, Succeeded, 60_001*time.Millisecond)
	if receipt.Billable != 70 || receipt.Charged != 70 || receipt.Shortfall != 0 || receipt.Late {
		t.Errorf("receipt %+v", receipt)
	}
	if !maps.Equal(receipt.ByKind, Amounts{Welcome: 70}) {
		t.Errorf("by kind %v", receipt.ByKind)
	}
	wantBalance(t, receipt.Before, 3300, Amounts{Daily: 600})
	wantBalance(t, receipt.After, 0, Amounts{Welcome: 2930, Daily: 900})
}

func TestOutcomeDecidesTheCharge(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[Outcome]int64{
		Succeeded: 100, FailedUser: 100, Cancelled: 100, FailedPolicy: 10, FailedPlatform: 0, FailedProvider: 0,
	} {
		k := newKeeper()
		hold := k.reserve(t, noon, 180, time.Hour)
		receipt := k.commit(t, noon, hold, outcome, 95*time.Second)
		if receipt.Charged != want || receipt.Billable != 100 || receipt.After.Spendable != 3900-want || receipt.After.Held != 0 {
			t.Errorf("%s: %+v", outcome, receipt)
		}
	}
}

func TestOverrunBurnsFreshSecondsAndWritesTheRestOff(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	hold := k.reserve(t, noon, 100, time.Hour)
	receipt := k.commit(t, noon, hold, Succeeded, 4000*time.Second)
	if receipt.Charged != 3900 || receipt.Shortfall != 100 || receipt.After.Spendable != 0 {
		t.Errorf("receipt %+v", receipt)
	}
	if k.state.Account.Shortfall != 100 {
		t.Errorf("shortfall %d", k.state.Account.Shortfall)
	}
}

func TestHoldProtectsAnExpiredGrant(t *testing.T) {
	t.Parallel()
	midnight := noon.Add(12 * time.Hour)
	start := midnight.Add(-time.Minute)
	k := newKeeper()
	k.keep(k.open(t, start))
	welcome := k.reserve(t, start, 3000, time.Hour) // out of the way
	hold := k.reserve(t, start, 400, time.Hour)     // of the day that ends
	receipt := k.commit(t, midnight.Add(time.Minute), hold, Succeeded, 150*time.Second)
	if !maps.Equal(receipt.ByKind, Amounts{Daily: 150}) {
		t.Errorf("by kind %v", receipt.ByKind)
	}
	// 500 lapsed at midnight and the returned 250 at once; the new day's 900
	// are untouched.
	wantBalance(t, receipt.After, 3000, Amounts{Daily: 900})
	if got := k.state.Account.Lapsed; got != 750 {
		t.Errorf("lapsed %d, want 750", got)
	}
	if !hold.Day.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("day %s", hold.Day)
	}
	_ = k.commit(t, midnight.Add(2*time.Minute), welcome, Cancelled, 0)
}

func TestLateCommit(t *testing.T) {
	t.Parallel()
	for _, settledBefore := range []bool{false, true} {
		k := newKeeper()
		hold := k.reserve(t, noon, 200, time.Minute)
		late := noon.Add(time.Minute)
		if settledBefore {
			k.keep(k.open(t, late))
		}
		wantBalance(t, k.open(t, late).Balance(), 0, Amounts{Welcome: 3000, Daily: 900})
		receipt := k.commit(t, late.Add(time.Second), hold, Succeeded, 30*time.Second)
		if !receipt.Late || receipt.Charged != 30 || receipt.After.Spendable != 3870 {
			t.Errorf("receipt %+v", receipt)
		}
		if got := k.state.Holds[0]; got.State != HoldExpired || got.Charged != 30 {
			t.Errorf("hold %+v", got)
		}
		_, err := k.open(t, late.Add(time.Hour)).Commit(CommitRequest{HoldID: hold.ID, Outcome: Succeeded})
		if !errors.Is(err, ErrHoldSettled) {
			t.Errorf("a second late commit: %v", err)
		}
	}
}

func TestOneTerminalEvent(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	committed := k.reserve(t, noon, 100, time.Hour)
	released := k.reserve(t, noon, 100, time.Hour)
	k.commit(t, noon, committed, Succeeded, time.Second)
	book := k.open(t, noon)
	if hold, err := book.Release(released.ID); err != nil || hold.State != HoldReleased {
		t.Fatal(hold, err)
	}
	k.keep(book)
	for _, hold := range []Hold{committed, released} {
		book := k.open(t, noon.Add(2*time.Hour))
		_, commitErr := book.Commit(CommitRequest{HoldID: hold.ID, Outcome: Succeeded})
		_, releaseErr := book.Release(hold.ID)
		if !errors.Is(commitErr, ErrHoldSettled) || !errors.Is(releaseErr, ErrHoldSettled) {
			t.Errorf("commit %v, release %v", commitErr, releaseErr)
		}
		if len(book.Changes().Entries) != 0 {
			t.Error("a refused call writes entries")
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	good := ReserveRequest{HoldID: ID{9}, Operation: Update, Seconds: 10, ExpireTime: noon.Add(time.Hour)}
	for name, test := range map[string]struct {
		change func(*ReserveRequest)
		want   error
	}{
		"zero":      {func(r *ReserveRequest) { r.Seconds = 0 }, ErrInvalid},
		"negative":  {func(r *ReserveRequest) { r.Seconds = -1 }, ErrInvalid},
		"huge":      {func(r *ReserveRequest) { r.Seconds = MaxSeconds + 1 }, ErrInvalid},
		"operation": {func(r *ReserveRequest) { r.Operation = "gold" }, ErrInvalid},
		"no id":     {func(r *ReserveRequest) { r.HoldID = ID{} }, ErrInvalid},
		"expired":   {func(r *ReserveRequest) { r.ExpireTime = noon.Add(time.Nanosecond) }, ErrInvalid},
		"too much":  {func(r *ReserveRequest) { r.Seconds = 3901 }, ErrInsufficient},
	} {
		request := good
		test.change(&request)
		book := k.open(t, noon)
		if _, err := book.Reserve(request); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		wantBalance(t, book.Balance(), 0, Amounts{Welcome: 3000, Daily: 900})
	}
	for name, request := range map[string]GrantRequest{
		"zero":    {GrantID: ID{1}, Kind: Promo, Source: SourceAdmin},
		"huge":    {GrantID: ID{1}, Kind: Promo, Source: SourceAdmin, Seconds: MaxSeconds + 1},
		"kind":    {GrantID: ID{1}, Kind: "gold", Source: SourceAdmin, Seconds: 1},
		"source":  {GrantID: ID{1}, Kind: Promo, Seconds: 1},
		"no id":   {Kind: Promo, Source: SourceAdmin, Seconds: 1},
		"expired": {GrantID: ID{1}, Kind: Promo, Source: SourceAdmin, Seconds: 1, ExpireTime: noon},
	} {
		if _, err := k.open(t, noon).Grant(request); !errors.Is(err, ErrInvalid) {
			t.Errorf("grant, %s: %v", name, err)
		}
	}
	hold := k.reserve(t, noon, 10, time.Hour)
	for name, request := range map[string]CommitRequest{
		"outcome":  {HoldID: hold.ID, Outcome: "gold"},
		"active":   {HoldID: hold.ID, Outcome: Succeeded, Active: -1},
		"planning": {HoldID: hold.ID, Outcome: Succeeded, Planning: -1},
		"cost":     {HoldID: hold.ID, Outcome: Succeeded, CostMicros: -1},
		"forever":  {HoldID: hold.ID, Outcome: Succeeded, Active: 1 << 62},
	} {
		if _, err := k.open(t, noon).Commit(request); !errors.Is(err, ErrInvalid) {
			t.Errorf("commit, %s: %v", name, err)
		}
	}
	if _, err := k.open(t, noon).Release(ID{77}); !errors.Is(err, ErrHoldNotFound) {
		t.Errorf("unknown hold: %v", err)
	}
}

func TestOpenRefusesContradictions(t *testing.T) {
	t.Parallel()
	for name, corrupt := range map[string]func(*State){
		"free of account":  func(s *State) { s.Account.Free++ },
		"held of account":  func(s *State) { s.Account.Held-- },
		"free of grant":    func(s *State) { s.Grants[0].Free-- },
		"held of grant":    func(s *State) { s.Grants[0].Held++ },
		"missing grant":    func(s *State) { s.Grants = s.Grants[1:] },
		"missing hold":     func(s *State) { s.Holds = nil },
		"seconds of hold":  func(s *State) { s.Holds[0].Seconds++ },
		"share of nothing": func(s *State) { s.Holds[0].Shares[0].GrantID = ID{0xff} },
	} {
		k := newKeeper()
		k.reserve(t, noon, 100, time.Hour)
		corrupt(&k.state)
		if _, err := Open(k.state, noon, k.order, GiftIDs{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTimeNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	k := newKeeper()
	k.reserve(t, noon, 10, time.Hour)
	if now := k.open(t, noon.Add(-time.Hour)).Now(); !now.Equal(noon.Add(time.Microsecond)) {
		t.Errorf("opened at %s", now)
	}
}
