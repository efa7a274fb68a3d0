package billing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// A check of the sequential model takes checkSteps steps.
const checkSteps = 60

var (
	modelZones = []string{
		"UTC", "Europe/Paris", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Kiritimati",
		// Where the clocks change at midnight.
		"Africa/Cairo", "America/Havana",
	}
	// modelDays are days on which the clocks of one of the zones change, and two
	// on which none do.
	modelDays = []string{
		"2026-07-31", "2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-10-29", "2026-11-01", "2027-12-31",
	}
)

// The ledger does what the model does, whatever is asked of it and whenever.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"", "expiring-first"} {
		t.Run("order "+order, func(t *testing.T) {
			t.Parallel()
			runModel(t, order)
		})
	}
}

// runModel checks one burn order and returns how many steps that took.
func runModel(t *testing.T, order string) int64 {
	t.Helper()
	b := setup(t)
	var taken atomic.Int64
	seen := &tally{counts: map[string]int{}}
	rapid.Check(t, func(t *rapid.T) {
		w := newModelWorld(t, b.db, order)
		w.seen = seen
		for _, next := range rapid.SliceOfN(steps(), checkSteps, checkSteps).Draw(t, "steps") {
			w.take(t, next)
			taken.Add(1)
		}
	})
	t.Logf("%d steps: %v", taken.Load(), seen.counts)
	if !t.Failed() && taken.Load() >= 100*checkSteps { // fewer with -rapid.checks
		seen.want(t, eventKinds, refusalKinds)
	}
	return taken.Load()
}

// tally counts what has come up.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *tally) add(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.counts[name]++
	}
}

// want fails the test for each name that has not come up.
func (c *tally) want(t *testing.T, lists ...[]string) {
	t.Helper()
	for _, name := range slices.Concat(lists...) {
		if c.counts[name] == 0 {
			t.Errorf("%q did not come up", name)
		}
	}
}

var (
	eventKinds = []string{
		"repeated", "grant", "lapse", "void", "hold", "extend", "commit", "late_commit", "release", "expire",
	}
	refusalKinds = []string{
		"insufficient", "invalid", "key reused", "not found", "too late",
		"committed to released", "released to committed", "expired to released",
		"committed to open", "released to open", "expired to open",
	}
)

// modelWorld is a few accounts, each with its model.
type modelWorld struct {
	db       *store.DB
	ledger   *billing.Ledger
	now      time.Time
	accounts []*modelled
	seen     *tally
}

type modelled struct {
	*modelAccount

	id   uuid.UUID
	sent []any
	keys int
}

func newModelWorld(t *rapid.T, db *store.DB, order string) *modelWorld {
	burning, err := meter.ParseOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, rapid.SampledFrom(modelDays).Draw(t, "day"))
	if err != nil {
		t.Fatal(err)
	}
	w := &modelWorld{db: db, now: day.Add(time.Duration(rapid.Int64Range(-14*3600, 14*3600).Draw(t, "second")) * time.Second)}
	w.ledger = billing.NewLedger(billing.Options{Order: &burning, Clock: func(time.Time) time.Time { return w.now }})
	for range 2 {
		zone := rapid.SampledFrom(modelZones).Draw(t, "zone")
		account, err := meetAccount(t.Context(), db, zone, order != "")
		if err != nil {
			t.Fatal(err)
		}
		w.accounts = append(w.accounts, account)
	}
	return w
}

// meetAccount makes an account, and its row if it has a zone to remember.
func meetAccount(ctx context.Context, db *store.DB, zone string, expiringFirst bool) (*modelled, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	account := &modelled{id: uuid.New(), modelAccount: newModelAccount(location, expiringFirst)}
	if zone != "UTC" {
		_, err = db.Exec(ctx, "insert into account (id, zone) values ($1, $2)", account.id, zone)
	}
	return account, err
}

func (w *modelWorld) take(t *rapid.T, next step) {
	account := w.accounts[next.Account%len(w.accounts)]
	switch next.Do {
	case "wait":
		w.now = next.wait(w.now, account.modelAccount)
		return
	case "probe":
		w.probe(t, account)
		return
	case "hold":
		w.readHold(t, account, next.Pick)
		return
	}
	account.keys++
	c := choices{
		account: account.id, now: w.now, key: fmt.Sprintf("k%d", account.keys), sent: account.sent,
		spendable: account.say(w.now, readRequest{}, unnamed).Balance.Spendable,
		holds:     account.holdIDs(), grants: account.grantIDs(),
	}
	if next.Pick%25 == 24 { // a hold or a grant of somebody else
		other := w.accounts[(next.Account+1)%len(w.accounts)]
		c.holds, c.grants = other.holdIDs(), other.grantIDs()
	}
	request := next.request(c)
	if request == nil {
		return
	}
	if next.Do == "repeat" {
		w.seen.add("repeated")
	} else if _, read := request.(readRequest); !read {
		account.sent = append(account.sent, request)
	}
	w.compare(t, account, request, next.Flag)
}

func unnamed(*modelAccount) {}

func (m *modelAccount) holdIDs() (ids []uuid.UUID) {
	for _, hold := range m.holds {
		ids = append(ids, hold.id)
	}
	return ids
}

func (m *modelAccount) grantIDs() (ids []uuid.UUID) {
	for _, grant := range m.grants {
		ids = append(ids, grant.id)
	}
	return ids
}

// compare asks the ledger and the model, and compares the answers and all rows.
// What is refused or has been answered before changes no row of any account.
func (w *modelWorld) compare(t *rapid.T, account *modelled, request any, short bool) {
	ctx := t.Context()
	forecast := account.clone()
	forecast.rows = nil
	expected := forecast.say(w.now, request, unnamed)
	quiet := len(forecast.rows) == 0
	var before string
	if quiet {
		before = w.dump(t)
	}
	got, err := ask(ctx, w.ledger, w.db, request, short)
	if err != nil {
		t.Fatalf("%+v: %v", request, err)
	}
	if quiet {
		if got != expected {
			t.Fatalf("at %s: %+v\nledger %+v\nmodel  %+v", w.now, request, got, expected)
		}
		if after := w.dump(t); after != before {
			t.Fatalf("at %s: %+v: %+v has changed rows", w.now, request, got)
		}
		w.seen.add(expected.Refusal)
		return
	}
	rows, err := readStored(ctx, w.db, account.id, account.seq)
	if err != nil {
		t.Fatal(err)
	}
	want := account.say(w.now, request, rows.name)
	found := append(unlike("journal", rows.plainRowsOf(), account.plainRows()), account.differences(&rows)...)
	for _, row := range account.rows {
		w.seen.add(row.kind)
	}
	if got != want || len(found) > 0 {
		t.Fatalf("at %s: %+v\nledger %+v\nmodel  %+v\n%s", w.now, request, got, want, found)
	}
}

func (w *modelWorld) dump(t *rapid.T) string {
	var ids []uuid.UUID
	for _, account := range w.accounts {
		ids = append(ids, account.id)
	}
	rows, err := dump(t.Context(), w.db, ids)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// probe checks that a read says exactly what a reserve would grant.
func (w *modelWorld) probe(t *rapid.T, account *modelled) {
	ctx := t.Context()
	balance, err := w.ledger.Balance(ctx, w.db, account.id)
	if err != nil {
		t.Fatal(err)
	}
	before := w.dump(t)
	for _, more := range []int64{0, 1} {
		seconds := balance.Spendable + more
		if seconds < 1 {
			continue
		}
		err := store.InTx(ctx, w.db, func(tx pgx.Tx) error {
			_, _, err := w.ledger.Reserve(ctx, tx, billing.ReserveRequest{AccountID: account.id, Operation: meter.Update, Seconds: seconds})
			if err == nil {
				return errUndo
			}
			return err
		})
		refusal, refused := errors.AsType[*billing.InsufficientError](err)
		if refused != (more > 0) || refused == errors.Is(err, errUndo) || refused && refusal.SpendableSeconds != balance.Spendable {
			t.Fatalf("%d s of %d s: %v", seconds, balance.Spendable, err)
		}
	}
	if w.dump(t) != before {
		t.Fatal("a reserve that was rolled back has changed rows")
	}
}

// readHold checks the read of a hold: one whose time is up has expired.
func (w *modelWorld) readHold(t *rapid.T, account *modelled, number int) {
	id := pick(account.holdIDs(), number)
	hold, err := w.ledger.Hold(t.Context(), w.db, account.id, id)
	i := account.holdNumber(id)
	if i < 0 {
		if !errors.Is(err, billing.ErrHoldNotFound) {
			t.Fatalf("no hold: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := account.plainHold(i)
	if want.State == "open" && !account.holds[i].ends.After(w.now) {
		want.State, want.SettleTime = "expired", want.ExpireTime
	}
	if got := plainHoldOf(hold); got != want {
		t.Fatalf("hold %+v, model %+v", got, want)
	}
}

// ask sends a request to the ledger, in a transaction of the short kind or not.
// A refusal is an answer, any other failure an error.
func ask(ctx context.Context, ledger *billing.Ledger, db *store.DB, request any, short bool) (answer, error) {
	var got answer
	run := func(tx store.Tx) (err error) {
		got, err = askIn(ctx, ledger, tx, request)
		return err
	}
	var err error
	switch r, read := request.(readRequest); {
	case read:
		var balance *billing.Balance
		if balance, err = ledger.Balance(ctx, db, r.AccountID); err == nil {
			got.Balance = plainBalanceOf(balance)
		}
	case short:
		err = store.InShortTx(ctx, db, run)
	default:
		err = store.InTx(ctx, db, func(tx pgx.Tx) error { return run(tx) })
	}
	if err != nil {
		return refusalOf(err)
	}
	return got, nil
}

func askIn(ctx context.Context, ledger *billing.Ledger, tx store.Tx, request any) (got answer, err error) {
	var balance *billing.Balance
	switch r := request.(type) {
	case billing.ReserveRequest:
		var hold *billing.Hold
		if hold, balance, err = ledger.Reserve(ctx, tx, r); err == nil {
			got.Hold = plainHoldOf(hold)
		}
	case billing.ExtendRequest:
		var hold *billing.Hold
		if hold, balance, err = ledger.Extend(ctx, tx, r); err == nil {
			got.Hold = plainHoldOf(hold)
		}
	case billing.ReleaseRequest:
		var hold *billing.Hold
		if hold, balance, err = ledger.Release(ctx, tx, r); err == nil {
			got.Hold = plainHoldOf(hold)
		}
	case billing.GrantRequest:
		var grant *billing.Credit
		if grant, balance, err = ledger.Grant(ctx, tx, r); err == nil {
			got.Credit = plainCreditOf(grant)
		}
	case billing.VoidRequest:
		var voided *billing.Voided
		if voided, balance, err = ledger.Void(ctx, tx, r); err == nil {
			got.Voided = plainVoided{Grant: uuid.UUID(voided.GrantID), Seconds: voided.Seconds, Used: voided.Used}
		}
	case billing.CommitRequest:
		var receipt *billing.Receipt
		if receipt, err = ledger.Commit(ctx, tx, r); err == nil {
			got.Receipt = plainReceiptOf(receipt)
		}
	}
	if balance != nil {
		got.Balance = plainBalanceOf(balance)
	}
	return got, err
}
