package billing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// price is that of the package "mini" with 3600 s.
const price = 5_000_000

type topUpBundle struct {
	*testBundle

	bank    *bank
	topUps  *billing.TopUps
	decided atomic.Int64
	metrics *prometheus.Registry
	options billing.Options
}

func setupTopUp(t *testing.T) *topUpBundle {
	t.Helper()
	b := &topUpBundle{testBundle: setup(t), bank: newBank(t), metrics: prometheus.NewRegistry()}
	packages := []billing.Package{
		{ID: "mini", Seconds: 3600, PriceMicros: price, CurrencyCode: "USD"},
		{ID: "drop", Seconds: 100, PriceMicros: 10, CurrencyCode: "USD"},
	}
	for _, p := range packages {
		b.exec("insert into package values ($1, $2, $3, $4, true)", p.ID, p.Seconds, p.PriceMicros, p.CurrencyCode)
	}
	b.options = billing.Options{
		Packages:     packages,
		Clock:        func(time.Time) time.Time { return *b.clock.Load() },
		OnTopUp:      func() { b.decided.Add(1) },
		TopUpMetrics: billing.NewTopUpMetrics(b.metrics),
	}
	b.Ledger = billing.NewLedger(b.options)
	b.topUps = b.node()
	t.Cleanup(b.auditTopUps)
	return b
}

// node is one more that makes the purchases.
func (b *topUpBundle) node() *billing.TopUps {
	return billing.NewTopUps(b.db, b.Ledger, b.bank, slog.New(slog.DiscardHandler))
}

// closeTill makes the bundle one that sells nothing.
func (b *topUpBundle) closeTill() {
	b.options.PaymentsOff = true
	b.Ledger = billing.NewLedger(b.options)
	b.topUps = billing.NewTopUps(b.db, b.Ledger, billing.Manual{}, slog.New(slog.DiscardHandler))
}

// auditTopUps compares what was bought with what was given.
func (b *topUpBundle) auditTopUps() {
	for rule, query := range map[string]string{
		"a paid purchase is one grant": `select count(*) from purchase p where p.paid_time is not null and not exists (
			select 1 from credit_grant g where g.id = p.grant_id and g.account_id = p.account_id and g.seconds = p.seconds
				and g.kind = 'package' and g.source = 'payment')`,
		"a grant of a payment is one purchase": `select count(*) from credit_grant g where g.source = 'payment' and not exists (
			select 1 from purchase p where p.grant_id = g.id)`,
		"a charged attempt is a paid purchase": `select count(*) from topup_attempt t left join purchase p on p.id = t.purchase_id
			where t.state = 'charged' and p.paid_time is null`,
		"an attempt names a journal row": `select count(*) from topup_attempt t where journal_seq > 0 and not exists (
			select 1 from journal j where j.account_id = t.account_id and j.seq = t.journal_seq)`,
	} {
		var wrong int
		if err := b.db.QueryRow(context.WithoutCancel(b.t.Context()), query).Scan(&wrong); err != nil || wrong != 0 {
			b.t.Errorf("%s: %d violations: %v", rule, wrong, err)
		}
	}
}

func (b *topUpBundle) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(b.t.Context(), query, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *topUpBundle) set(request billing.AutoTopUpRequest) (*billing.AutoTopUp, error) {
	request.AccountID = b.account
	var rule *billing.AutoTopUp
	err := b.inTx(func(tx pgx.Tx) (err error) {
		rule, err = b.SetAutoTopUp(b.t.Context(), tx, request)
		return err
	})
	return rule, err
}

// enable sets a rule: below 600 s it buys, for at most 50.
func (b *topUpBundle) enable(changes ...func(*billing.AutoTopUpRequest)) {
	b.t.Helper()
	request := billing.AutoTopUpRequest{Enabled: true, MonthlyCapMicros: 10 * price, ConsentVersion: "v1"}
	for _, change := range changes {
		change(&request)
	}
	if _, err := b.set(request); err != nil {
		b.t.Fatal(err)
	}
}

// spend holds and consumes seconds, a multiple of 10.
func (b *topUpBundle) spend(seconds int64) {
	b.t.Helper()
	if _, err := b.commit(b.mustReserve(seconds), meter.Succeeded, time.Duration(seconds)*time.Second); err != nil {
		b.t.Fatal(err)
	}
}

// sweep moves the clock first: the ledger's own is ahead of one that stands still.
func (b *topUpBundle) sweep() {
	b.t.Helper()
	b.advance(time.Second)
	if err := b.topUps.Sweep(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *topUpBundle) advance(d time.Duration) { b.setClock(b.clock.Load().Add(d)) }

// attempts are all of the account, oldest first: state, reason, and how often
// where it was more than once.
func (b *topUpBundle) attempts() []string {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `select concat_ws(' ', state, nullif(reason, ''), nullif(decisions, 1))
		from topup_attempt where account_id = $1 order by create_time, id`, b.account)
	if err != nil {
		b.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

func (b *topUpBundle) wantAttempts(want ...string) {
	b.t.Helper()
	if got := b.attempts(); !slices.Equal(got, want) {
		b.t.Errorf("attempts %q, want %q", got, want)
	}
}

func (b *topUpBundle) wantCounted(result string, n float64) {
	b.t.Helper()
	if got := counted(b.t, b.metrics, result); got != n {
		b.t.Errorf("%s: counted %v, want %v", result, got, n)
	}
}

// counted is what the only counter of a registry says of a result.
func counted(t *testing.T, registry *prometheus.Registry, result string) (got float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if metric.GetLabel()[0].GetValue() == result {
				got = metric.GetCounter().GetValue()
			}
		}
	}
	return got
}

// One purchase closes the whole gap, and the attempt is decided by the hold that
// made it.
func TestTopUpClosesTheGap(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable(func(r *billing.AutoTopUpRequest) { r.ThresholdSeconds = 3700 })
	b.spend(200)
	b.wantAttempts()
	b.spend(3690) // 10 s are left: two packages are 7200 s
	b.wantAttempts("pending")
	if b.decided.Load() != 1 {
		t.Errorf("%d nudges", b.decided.Load())
	}
	// Who left a card is charged by it.
	if n := b.count(`with made as (insert into payment_customer (account_id, provider, customer_id) values ($1, 'bank', 'cus_1') returning 1)
		select count(*) from made`, b.account); n != 1 {
		t.Fatal("no customer")
	}
	b.sweep()
	b.wantAttempts("charged")
	b.bank.wantCharges(2 * price)
	b.wantSpendable(7210, 0)
	b.wantCounted("charged", 1)
	b.sweep()
	b.bank.wantCalls(1)
	order := b.bank.charges[0]
	if order.AccountID != b.account || order.CurrencyCode != "USD" || order.Title != "Mini package" || order.CustomerID != "cus_1" {
		t.Errorf("order %+v", order)
	}
	if n := b.count(`select count(*) from purchase p join journal j on j.idempotency_key = 'purchase:' || p.id
		where p.state = 'paid' and p.origin = 'auto_topup' and p.provider = 'bank' and p.provider_id = 'ch_' || p.id
			and p.seconds = 7200 and p.price_micros = $1 and p.create_time = $2`, 2*price, noon.Add(time.Second)); n != 1 {
		t.Errorf("%d purchases", n)
	}
}

// Each operation that takes spendable seconds decides.
func TestTopUpAfterEachOperation(t *testing.T) {
	t.Parallel()
	for name, lower := range map[string]func(b *topUpBundle){
		"reserve": func(b *topUpBundle) { b.mustReserve(3310) },
		"extend": func(b *topUpBundle) {
			hold := b.mustReserve(3300)
			b.wantAttempts()
			b.mustDo(func(tx pgx.Tx) error {
				_, _, err := b.Extend(b.t.Context(), tx, billing.ExtendRequest{AccountID: b.account, HoldID: uuid.UUID(hold.ID), Seconds: 10})
				return err
			})
		},
		"commit with more than was held": func(b *topUpBundle) {
			hold := b.mustReserve(3300)
			b.wantAttempts()
			if _, err := b.commit(hold, meter.Succeeded, 3310*time.Second); err != nil {
				b.t.Fatal(err)
			}
		},
		"void": func(b *topUpBundle) {
			grant, _, err := b.grant(billing.GrantRequest{Key: "g", Kind: meter.Promo, Seconds: 1000})
			if err != nil {
				b.t.Fatal(err)
			}
			b.spend(3900)
			b.wantAttempts()
			b.mustDo(func(tx pgx.Tx) error {
				_, _, err := b.Void(b.t.Context(), tx, billing.VoidRequest{AccountID: b.account, GrantID: uuid.UUID(grant.ID), Key: "v"})
				return err
			})
		},
		"lapse that another call writes": func(b *topUpBundle) {
			b.grantUntil(1000, noon.Add(time.Minute))
			b.mustReserve(3900)
			b.wantAttempts()
			b.advance(2 * time.Minute)
			if _, _, err := b.grant(billing.GrantRequest{Key: "g", Kind: meter.Promo, Seconds: 10}); err != nil {
				b.t.Fatal(err)
			}
		},
		"short transaction": func(b *topUpBundle) {
			err := store.InShortTx(b.t.Context(), b.db, func(tx store.Tx) error {
				_, _, err := b.Reserve(b.t.Context(), tx, billing.ReserveRequest{AccountID: b.account, Operation: meter.Update, Seconds: 3310})
				return err
			})
			if err != nil {
				b.t.Fatal(err)
			}
		},
		"first contact": func(b *topUpBundle) {
			b.account = uuid.New()
			b.enable(func(r *billing.AutoTopUpRequest) { r.ThresholdSeconds = 3900 })
			b.wantAttempts()
			b.mustReserve(10)
		},
		"rule of an account that is short": func(b *topUpBundle) {
			b.account = uuid.New()
			b.mustReserve(3310)
			b.enable()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupTopUp(t)
			b.enable()
			lower(b)
			b.wantAttempts("pending")
			if n := b.count(`select count(*) from topup_attempt t join journal j using (account_id)
				where j.seq = t.journal_seq and j.free_delta < 0 and t.account_id = $1`, b.account); n != 1 {
				t.Error("the attempt does not name the row that took seconds")
			}
			b.sweep()
			b.wantAttempts("charged")
			b.bank.wantCharges(price)
		})
	}
}

func (b *topUpBundle) mustDo(fn func(tx pgx.Tx) error) {
	b.t.Helper()
	if err := b.inTx(fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *topUpBundle) grantUntil(seconds int64, end time.Time) {
	b.t.Helper()
	if _, _, err := b.grant(billing.GrantRequest{Key: end.String(), Kind: meter.Promo, Seconds: seconds, ExpireTime: end}); err != nil {
		b.t.Fatal(err)
	}
}

// A night in which nobody was there buys nothing.
func TestTopUpNotForPassingTime(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable(func(r *billing.AutoTopUpRequest) { r.ThresholdSeconds = 3600 })
	b.spend(10)
	b.setClock(noon.Add(13 * time.Hour))
	if settled, err := b.Expire(t.Context(), b.db, 10, 0); settled != 1 || err != nil {
		t.Fatalf("%d accounts settled: %v", settled, err)
	}
	b.wantAttempts()
	b.spend(900)
	b.wantAttempts("pending")
}

// Accounts without a rule, with enough, or with a rule that is off leave no trace.
func TestTopUpLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.spend(3900)
	if _, err := b.set(billing.AutoTopUpRequest{MonthlyCapMicros: price}); err != nil {
		t.Fatal(err)
	}
	b.advance(24 * time.Hour)
	b.spend(900)
	b.wantAttempts()
	b.account = uuid.New()
	b.enable()
	b.mustReserve(3300) // 600 s are left, which is not below the threshold
	b.wantAttempts()
	b.sweep()
	b.bank.wantCalls(0)
}

// Of many calls at once that take seconds, one buys; the others say why not.
func TestTopUpRace(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.spend(3200)
	for _, err := range together(8, func(int) error {
		hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 20})
		if err != nil {
			return err
		}
		_, err = b.commit(hold, meter.Succeeded, 80*time.Second)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	attempts := b.attempts()
	if len(attempts) != 2 || attempts[0] != "pending" {
		t.Fatalf("attempts %q", attempts)
	}
	decisions := b.count("select sum(decisions) from topup_attempt")
	lowered := b.count(`select count(*) from journal where free_delta < 0
		and seq >= (select min(journal_seq) from topup_attempt)`)
	if decisions != lowered {
		t.Errorf("%d decisions for %d rows that took seconds", decisions, lowered)
	}
	if n := b.count("select max(last_seq) from topup_attempt"); n != b.count("select max(seq) from journal where free_delta < 0") {
		t.Errorf("the last decision was for row %d", n)
	}
	b.sweep()
	b.bank.wantCharges(price)
	b.wantCounted("charged", 1)
}

// errAway is a provider that does not answer.
var errAway = fmt.Errorf("connection cut: %w", billing.ErrPaymentsAway)

// What is lost on the way, the node or the answer, is made up for by the same
// purchase: one charge, one grant.
func TestTopUpLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers func(crash func()) []reply
		calls   int
		wait    time.Duration
	}{
		"request": {func(func()) []reply { return []reply{{before: errAway}} }, 2, 10 * time.Second},
		"answer":  {func(func()) []reply { return []reply{{after: errAway}} }, 2, 10 * time.Second},
		"answer three times": {func(func()) []reply {
			return []reply{{before: errAway}, {after: errAway}, {before: errAway}}
		}, 4, time.Minute},
		"unknown error":           {func(func()) []reply { return []reply{{after: errors.New("odd")}} }, 2, 10 * time.Second},
		"node before the charge":  {func(crash func()) []reply { return []reply{{charging: crash, before: nil, after: errAway}} }, 2, time.Minute},
		"node before the request": {func(crash func()) []reply { return []reply{{before: crashed{crash}}} }, 2, time.Minute},
		"node before the grant":   {func(crash func()) []reply { return []reply{{charged: crash}} }, 2, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupTopUp(t)
			b.enable()
			b.spend(3890)
			ctx, crash := context.WithCancel(t.Context())
			defer crash()
			b.bank.will(test.answers(crash)...)
			_ = b.topUps.Sweep(ctx)
			b.wantAttempts("pending")
			b.wantSpendable(10, 0)
			b.spend(10)
			b.wantAttempts("pending", "skipped in_flight")
			b.topUps = b.node()
			b.sweep() // It is not due.
			for range test.calls - 1 {
				b.wantAttempts("pending", "skipped in_flight")
				b.advance(test.wait)
				b.sweep()
			}
			b.wantAttempts("charged", "skipped in_flight")
			b.bank.wantCharges(price)
			b.bank.wantCalls(test.calls)
			b.wantSpendable(3600, 0)
		})
	}
}

// crashed is an answer that ends the node.
type crashed struct{ crash func() }

func (c crashed) Error() string {
	c.crash()
	return "node is gone"
}

// A webhook that is faster than the charge's answer grants; the answer does not.
func TestTopUpBesideWebhook(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]error{"answer comes": nil, "answer is lost": errAway} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupTopUp(t)
			b.enable()
			b.spend(3890)
			b.bank.will(reply{charged: b.webhook, after: after})
			b.sweep()
			b.advance(time.Minute)
			b.sweep()
			b.wantAttempts("charged")
			b.bank.wantCalls(1)
			b.wantSpendable(3610, 0)
		})
	}
}

// webhook grants the open purchase as the webhook's code does.
func (b *topUpBundle) webhook() {
	b.mustDo(func(tx pgx.Tx) error {
		var id uuid.UUID
		if err := tx.QueryRow(b.t.Context(), "select id from purchase where state = 'open'").Scan(&id); err != nil {
			return err
		}
		grant, _, err := b.Grant(b.t.Context(), tx, billing.GrantRequest{
			AccountID: b.account, Key: "purchase:" + id.String(), Kind: meter.Package, Source: meter.SourcePayment, Seconds: 3600,
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(b.t.Context(), "update purchase set state = 'paid', paid_time = $2, grant_id = $3 where id = $1", id, noon, uuid.UUID(grant.ID))
		return err
	})
}

// More that is spent while a purchase is in flight is bought by the next one.
func TestTopUpAgainAfterCharge(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable(func(r *billing.AutoTopUpRequest) { r.PackageID = "drop" })
	b.spend(3390) // 510 s are left: one package
	b.bank.will(reply{charging: func() { b.spend(500) }})
	b.sweep()
	b.wantAttempts("charged", "skipped in_flight", "pending")
	b.sweep()
	b.wantAttempts("charged", "skipped in_flight", "charged")
	b.bank.wantCharges(10, 50)
	b.wantSpendable(610, 0)
}

// What changes between the decision and the charge counts: it is decided again.
func TestTopUpDecidesOnceMore(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	hold := b.mustReserve(3890)
	if _, _, err := b.release(hold); err != nil {
		t.Fatal(err)
	}
	b.sweep()
	b.wantAttempts("skipped enough")
	b.bank.wantCalls(0)
	b.wantCounted("skipped", 1)
}

// Two nodes that sweep at once charge each account once.
func TestTopUpTwoNodes(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	const accounts = 24
	for range accounts {
		b.account = uuid.New()
		b.enable()
		b.spend(3890)
	}
	b.advance(time.Second)
	b.bank.will(slices.Repeat([]reply{{before: errAway}}, accounts)...)
	nodes := []*billing.TopUps{b.node(), b.node()}
	for round := range 2 { // In the second, all have begun.
		for _, err := range together(8, func(i int) error { return nodes[i%2].Sweep(t.Context()) }) {
			if err != nil {
				t.Error(err)
			}
		}
		if len(b.bank.charges) != round*accounts || b.bank.calls != (round+1)*accounts {
			t.Errorf("%d charges in %d calls", len(b.bank.charges), b.bank.calls)
		}
		b.advance(time.Minute)
	}
	if n := b.count("select count(*) from account where free_seconds = 3610"); n != accounts {
		t.Errorf("%d accounts have their time", n)
	}
}

// A charge that takes longer than the lease is repeated by another node with the
// same key, which changes nothing.
func TestTopUpSlowNode(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.spend(3890)
	b.bank.will(reply{charged: func() {
		b.bank.leave(b.bank.charges[0].PurchaseID) // The provider is done; its answer is on the way.
		b.advance(time.Minute)
		if err := b.node().Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		b.wantSpendable(3610, 0)
	}})
	b.sweep()
	b.wantAttempts("charged")
	b.bank.wantCharges(price)
	b.bank.wantCalls(2)
	b.wantSpendable(3610, 0)
	b.wantCounted("charged", 1)
}
