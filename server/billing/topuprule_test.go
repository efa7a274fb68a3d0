package billing_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing"
)

// The cap is fresh where the account's month begins, not UTC's, and an account
// that the cap has kept short buys then though nobody calls.
func TestTopUpCapInKiritimati(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	border := time.Date(2026, 2, 28, 10, 0, 0, 0, time.UTC) // 1 March, 00:00
	b.exec("insert into account (id, zone) values ($1, 'Pacific/Kiritimati')", b.account)
	b.setClock(border.Add(-time.Hour))
	b.enable(func(r *billing.AutoTopUpRequest) { r.MonthlyCapMicros, r.ThresholdSeconds = 2*price-1, 1500 })
	b.spend(3800)
	b.sweep()
	b.spend(3600)
	b.wantAttempts("charged", "skipped cap")
	b.setClock(border.Add(-time.Minute))
	b.sweep()
	b.spend(10)
	b.wantAttempts("charged", "skipped cap 2")
	b.bank.wantCharges(price)
	b.setClock(border)
	b.sweep()
	b.wantAttempts("charged", "skipped cap 2", "charged")
	b.bank.wantCharges(price, price)
	b.spend(3600)
	b.wantAttempts("charged", "skipped cap 2", "charged", "skipped cap")
}

// A charge that was refused leaves the cap as it was; a refund makes no new room.
func TestTopUpCapCountsWhatWasCharged(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable(func(r *billing.AutoTopUpRequest) { r.MonthlyCapMicros = price })
	b.bank.will(reply{decline: "insufficient_funds"})
	b.spend(3890)
	b.sweep()
	b.advance(time.Hour)
	b.sweep()
	b.wantAttempts("declined insufficient_funds", "charged")
	b.exec("update purchase set state = 'refunded', refunded_micros = price_micros where state = 'paid'")
	b.advance(time.Second)
	b.enable(func(r *billing.AutoTopUpRequest) { r.MonthlyCapMicros = price })
	b.spend(3600)
	b.wantAttempts("declined insufficient_funds", "charged", "skipped cap")
}

// The void of what was refunded or disputed does not buy it again; a rule that is
// set anew may.
func TestTopUpTakenBack(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"refunded", "disputed"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			b := setupTopUp(t)
			b.enable()
			b.spend(3890)
			b.sweep()
			b.mustDo(func(tx pgx.Tx) error {
				var grant uuid.UUID
				if err := tx.QueryRow(t.Context(), "select grant_id from purchase").Scan(&grant); err != nil {
					return err
				}
				if _, _, err := b.Void(t.Context(), tx, billing.VoidRequest{AccountID: b.account, GrantID: grant, Key: "v"}); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), "update purchase set state = $1", state)
				return err
			})
			b.sweep()
			b.spend(10)
			b.wantAttempts("charged", "skipped taken_back 2")
			b.bank.wantCharges(price)
			b.enable()
			b.sweep()
			b.bank.wantCharges(price, price)
		})
	}
}

// A rule that is turned off stops a purchase that was decided on, but not one that
// may have been charged.
func TestTopUpConsentWithdrawn(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.spend(3890)
	b.wantAttempts("pending")
	if _, err := b.set(billing.AutoTopUpRequest{}); err != nil {
		t.Fatal(err)
	}
	b.wantAttempts("skipped disabled")
	b.sweep()
	b.bank.wantCalls(0)
	b.enable()
	b.wantAttempts("skipped disabled", "pending")
	b.bank.will(reply{after: errAway})
	b.sweep()
	if _, err := b.set(billing.AutoTopUpRequest{}); err != nil {
		t.Fatal(err)
	}
	b.advance(10 * time.Second)
	b.sweep()
	b.wantAttempts("skipped disabled", "charged")
	b.bank.wantCharges(price)
	b.wantSpendable(3610, 0)
	b.spend(3600)
	b.wantAttempts("skipped disabled", "charged")
}

// Another rule that comes before the charge is the one that counts.
func TestTopUpRuleReplacedWhilePending(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.spend(3890)
	b.enable(func(r *billing.AutoTopUpRequest) { r.PackageID = "drop" })
	b.wantAttempts("pending", "skipped in_flight")
	b.sweep()
	b.wantAttempts("charged", "skipped in_flight")
	b.bank.wantCharges(60)
}

// A declined payment pauses for an hour, the third in a row suspends, and every
// decision in between says why.
func TestTopUpDeclines(t *testing.T) {
	t.Parallel()
	for name, lift := range map[string]func(b *topUpBundle){
		"consent": func(b *topUpBundle) { b.enable() },
		"newer consent": func(b *topUpBundle) {
			b.enable(func(r *billing.AutoTopUpRequest) { r.ConsentVersion = "v2" })
		},
		"card": func(b *topUpBundle) {
			b.mustDo(func(tx pgx.Tx) error { return b.CardChanged(b.t.Context(), tx, b.account) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupTopUp(t)
			b.enable()
			b.bank.will(reply{decline: "insufficient_funds"}, reply{decline: "card_declined"}, reply{decline: "expired_card"})
			b.spend(3400)
			b.sweep()
			want := []string{"declined insufficient_funds"}
			b.wantAttempts(want...)
			b.spend(10)
			b.spend(10)
			want = append(want, "skipped paused 2")
			b.advance(time.Hour - 2*time.Second)
			b.sweep()
			b.wantAttempts(want...)
			b.sweep() // The hour is over.
			want = append(want, "declined card_declined")
			b.wantAttempts(want...)
			b.advance(time.Hour)
			b.sweep()
			want = append(want, "declined expired_card")
			b.wantAttempts(want...)
			b.wantSuspended(true)
			b.advance(2 * time.Hour)
			b.sweep()
			for range 3 {
				b.spend(10)
			}
			want = append(want, "skipped suspended 3")
			b.wantAttempts(want...)
			b.bank.wantCalls(3)
			lift(b)
			b.wantSuspended(false)
			b.sweep()
			b.wantAttempts(append(want, "charged")...)
			b.bank.wantCharges(price)
			b.wantCounted("declined", 3)
			b.wantCounted("skipped", 5)
		})
	}
}

func (b *topUpBundle) wantSuspended(want bool) {
	b.t.Helper()
	rule, err := b.AutoTopUp(b.t.Context(), b.db, b.account)
	if err != nil || rule.Suspended != want {
		b.t.Errorf("rule %+v: %v", rule, err)
	}
}

// Only declines in a row suspend.
func TestTopUpDeclinesApart(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	declined := reply{decline: "insufficient_funds"}
	b.bank.will(declined, declined, reply{}, declined, declined)
	b.spend(3890)
	for range 3 {
		b.sweep()
		b.advance(time.Hour)
	}
	b.spend(3600)
	for range 2 {
		b.sweep()
		b.advance(time.Hour)
	}
	b.wantSuspended(false)
	b.bank.wantCharges(price)
}

// A provider that is away is asked again and again, less and less often, for a day.
func TestTopUpRetries(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable(func(r *billing.AutoTopUpRequest) { r.ThresholdSeconds = 1500 })
	b.spend(3890)
	var waits []time.Duration
	for range 8 {
		b.bank.will(reply{before: errAway})
		b.sweep()
		var next time.Time
		if err := b.db.QueryRow(t.Context(), "select next_time from topup_attempt").Scan(&next); err != nil {
			t.Fatal(err)
		}
		waits = append(waits, next.Sub(*b.clock.Load()))
		b.setClock(next)
	}
	s := time.Second
	if want := []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 320 * s, 640 * s, 1800 * s}; !slices.Equal(waits, want) {
		t.Errorf("waits %v", waits)
	}
	b.wantCounted("retried", 8)
	b.setClock(noon.Add(24*time.Hour + time.Second))
	b.sweep()
	b.wantAttempts("failed unanswered")
	b.bank.wantCalls(8)
	if n := b.count("select count(*) from purchase where state = 'open'"); n != 1 {
		t.Error("the purchase does not wait for a webhook")
	}
	b.advance(time.Hour)
	b.sweep()
	b.wantAttempts("failed unanswered", "charged")
	b.wantCounted("failed", 1)
}

// Where nothing can be bought, the attempt says so.
func TestTopUpPaymentsOff(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.bank.will(reply{before: billing.ErrPaymentsOff})
	b.spend(3890)
	b.sweep()
	b.spend(10)
	b.wantAttempts("failed payments_off", "skipped paused")
	if n := b.count("select count(*) from purchase where state = 'failed'"); n != 1 {
		t.Error("the purchase has not failed")
	}
}

// A rule from when something was sold buys nothing any more, and leaves one row
// however often it is decided on.
func TestTopUpWhereNothingIsSold(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.spend(3600)
	b.closeTill()
	b.sweep() // The attempt that was decided on before.
	for range 3 {
		b.advance(2 * time.Hour)
		b.spend(10)
		b.sweep()
	}
	b.wantAttempts("skipped payments_off 4")
	if n := b.count("select count(*) from purchase"); n != 0 {
		t.Errorf("%d purchases of nothing", n)
	}
	if _, err := b.set(billing.AutoTopUpRequest{Enabled: true, MonthlyCapMicros: price, ConsentVersion: "v1"}); !errors.Is(err, billing.ErrPaymentsOff) {
		t.Errorf("a rule is enabled: %v", err)
	}
	if rule, err := b.set(billing.AutoTopUpRequest{}); err != nil || rule.Enabled {
		t.Errorf("a rule stays enabled: %+v, %v", rule, err)
	}
}

// A purchase that another provider was asked for is not this one's to charge or to
// give up; that one's webhook may still tell.
func TestTopUpOfAnotherProvider(t *testing.T) {
	t.Parallel()
	for name, manual := range map[string]bool{"manual": true, "another": false} {
		b := setupTopUp(t)
		b.enable()
		b.bank.will(reply{before: billing.ErrPaymentsAway})
		b.spend(3890)
		b.sweep()
		if manual {
			b.closeTill()
		} else {
			b.exec("update purchase set provider = 'another'")
		}
		b.advance(time.Hour)
		b.sweep()
		b.wantAttempts("pending")
		b.bank.wantCalls(1)
		if n := b.count("select count(*) from purchase where state = 'open'"); n != 1 {
			t.Errorf("%s: the purchase does not wait", name)
		}
	}
}

func TestServeAutoTopUpWherePaymentsAreOff(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.closeTill()
	s := serveOn(t, b.testBundle)
	_, err := s.SetAutoTopUp(t.Context(), &billingv1.SetAutoTopUpRequest{Enabled: true, MonthlyCapMicros: price, ConsentVersion: "v1"})
	wantFault(t, err, connect.CodeFailedPrecondition, "PAYMENTS_OFF")
	if _, err := s.SetAutoTopUp(t.Context(), &billingv1.SetAutoTopUpRequest{}); err != nil {
		t.Errorf("to disable a rule: %v", err)
	}
}

// A package that is no longer sold is not bought.
func TestTopUpPackageGone(t *testing.T) {
	t.Parallel()
	b := setupTopUp(t)
	b.enable()
	b.exec("update auto_topup set package_id = 'gone'")
	b.spend(3890)
	b.wantAttempts("skipped no_package")
}

func serveTopUp(t *testing.T) (*topUpBundle, *served) {
	t.Helper()
	b := setupTopUp(t)
	return b, serveOn(t, b.testBundle)
}

func TestServeAutoTopUp(t *testing.T) {
	t.Parallel()
	b, s := serveTopUp(t)
	get := func(user uuid.UUID) *billingv1.AutoTopUp {
		got, err := s.as(user).GetAutoTopUp(t.Context(), &billingv1.GetAutoTopUpRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetAutoTopUp()
	}
	wantProto(t, get(b.account), &billingv1.AutoTopUp{ThresholdSeconds: 600, PackageId: "mini"})
	request := &billingv1.SetAutoTopUpRequest{Enabled: true, MonthlyCapMicros: price, ConsentVersion: "v1"}
	want := &billingv1.AutoTopUp{
		Enabled: true, ThresholdSeconds: 600, PackageId: "mini", MonthlyCapMicros: price,
		ConsentVersion: "v1", ConsentTime: timestamppb.New(noon),
	}
	for range 2 { // A repeat changes nothing.
		got, err := s.SetAutoTopUp(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, got.GetAutoTopUp(), want)
		wantProto(t, get(b.account), want)
		b.advance(time.Minute)
	}
	wantProto(t, get(uuid.New()), &billingv1.AutoTopUp{ThresholdSeconds: 600, PackageId: "mini"})
	request.ConsentVersion, request.ThresholdSeconds, request.PackageId = "v2", 1_000_000, "drop"
	want.ConsentVersion, want.ThresholdSeconds, want.PackageId = "v2", 1_000_000, "drop"
	want.ConsentTime = timestamppb.New(noon.Add(2 * time.Minute))
	got, err := s.SetAutoTopUp(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, got.GetAutoTopUp(), want)
	got, err = s.SetAutoTopUp(t.Context(), &billingv1.SetAutoTopUpRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, got.GetAutoTopUp(), &billingv1.AutoTopUp{ThresholdSeconds: 600, PackageId: "mini"})
}

// A rule that is refused leaves the one before.
func TestServeAutoTopUpRefusals(t *testing.T) {
	t.Parallel()
	b, s := serveTopUp(t)
	b.enable()
	before, err := b.AutoTopUp(t.Context(), b.db, b.account)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		request *billingv1.SetAutoTopUpRequest
		code    connect.Code
		reason  string
	}{
		"no consent": {
			&billingv1.SetAutoTopUpRequest{Enabled: true, MonthlyCapMicros: price},
			connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"no cap": {
			&billingv1.SetAutoTopUpRequest{Enabled: true, ConsentVersion: "v1"},
			connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"cap below one package": {
			&billingv1.SetAutoTopUpRequest{Enabled: true, ConsentVersion: "v1", MonthlyCapMicros: price - 1},
			connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"unknown package": {
			&billingv1.SetAutoTopUpRequest{Enabled: true, ConsentVersion: "v1", MonthlyCapMicros: price, PackageId: "x"},
			connect.CodeNotFound, "NOT_FOUND",
		},
		"nul in the package": {
			&billingv1.SetAutoTopUpRequest{PackageId: "\x00"}, connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"nul in the consent": {
			&billingv1.SetAutoTopUpRequest{ConsentVersion: "\x00"}, connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"threshold": {
			&billingv1.SetAutoTopUpRequest{ThresholdSeconds: 1_000_001}, connect.CodeInvalidArgument, "INVALID_FIELD",
		},
	} {
		_, err := s.SetAutoTopUp(t.Context(), test.request)
		if connect.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantFault(t, err, test.code, test.reason)
	}
	after, err := b.AutoTopUp(t.Context(), b.db, b.account)
	if err != nil || *after != *before {
		t.Errorf("rule %+v, before %+v: %v", after, before, err)
	}
}
