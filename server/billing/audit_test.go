package billing_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// audit fails the test if a stored row contradicts another.
func audit(t *testing.T, db *store.DB) {
	t.Helper()
	violations, err := billing.Audit(context.WithoutCancel(t.Context()), db, uuid.Nil)
	if err != nil {
		t.Errorf("audit: %v", err)
	}
	for _, violation := range violations {
		t.Errorf("audit: %+v", violation)
	}
}

// lived makes an account that everything has happened to, by the last of two
// days, and another one.
func lived(t *testing.T) *testBundle {
	t.Helper()
	b := setup(t)
	step := func() { b.setClock(b.clock.Load().Add(time.Minute)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		step()
	}
	_, _, err := b.reserve(billing.ReserveRequest{AccountID: uuid.New(), Seconds: 100})
	must(err)
	paid, err := b.commit(b.mustReserve(100), meter.Succeeded, time.Minute)
	must(err)
	if paid.Charged != 60 {
		t.Fatalf("receipt %+v", paid)
	}
	capped, _, err := b.reserve(billing.ReserveRequest{Seconds: 50, MaxSeconds: 90, BuildID: uuid.New(), Operation: meter.Update})
	must(err)
	must(b.inTx(func(tx pgx.Tx) error {
		_, _, err := b.Extend(t.Context(), tx, billing.ExtendRequest{AccountID: b.account, HoldID: uuid.UUID(capped.ID), Seconds: 30, TTL: time.Hour})
		return err
	}))
	_, err = b.commit(capped, meter.FailedUser, 2*time.Minute)
	must(err)
	_, err = b.commit(b.mustReserve(100), meter.FailedPlatform, time.Minute)
	must(err)
	_, _, err = b.release(b.mustReserve(3500))
	must(err)
	for _, kind := range []meter.Kind{meter.Promo, meter.Compensation, meter.Package} {
		request := billing.GrantRequest{Key: string(kind), Kind: kind, Seconds: 500, Reason: "because", ExpireTime: noon.AddDate(0, 1, 0)}
		if kind == meter.Package {
			request.Source = meter.SourcePayment
		}
		grant, _, err := b.grant(request)
		must(err)
		if kind == meter.Package {
			b.bought(grant)
		}
		for i := range 2 {
			if kind == meter.Promo {
				must(b.inTx(func(tx pgx.Tx) error {
					_, _, err := b.Void(t.Context(), tx, billing.VoidRequest{AccountID: b.account, GrantID: uuid.UUID(grant.ID), Key: "void" + string(rune('0'+i)), Reason: "mistake"})
					return err
				}))
			}
		}
	}
	late := b.mustReserve(200)
	b.setClock(noon.AddDate(0, 0, 1))
	_, err = b.commit(late, meter.Cancelled, 15*time.Second)
	must(err)
	expired := b.mustReserve(10)
	b.setClock(expired.ExpireTime)
	b.mustReserve(700)
	return b
}

// bought notes that a grant was paid for.
func (b *testBundle) bought(grant *billing.Credit) {
	b.t.Helper()
	for _, statement := range []string{
		`insert into package (id, seconds, price_micros, currency_code, sold) values ('mini', 500, 1, 'USD', true)`,
		`insert into purchase (id, account_id, package_id, seconds, price_micros, currency_code, origin, provider, state, grant_id, paid_time, life_seconds)
			select gen_random_uuid(), account_id, 'mini', seconds, 1, 'USD', 'checkout', 'manual', 'paid', id, create_time, extract(epoch from expire_time - create_time) from credit_grant where source = 'payment'`,
	} {
		if _, err := b.db.Exec(b.t.Context(), statement); err != nil {
			b.t.Fatal(err, grant.ID)
		}
	}
}

// An audit beside load sees one snapshot, and so nothing wrong.
func TestAuditBesideLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, err := range together(5, func(i int) error {
		for range 30 {
			if i == 0 {
				violations, err := billing.Audit(t.Context(), b.db, uuid.Nil)
				if err != nil {
					return err
				}
				if len(violations) > 0 {
					t.Errorf("beside load: %+v", violations)
				}
				continue
			}
			hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 20})
			if err != nil {
				return err
			}
			if _, err := b.commit(hold, meter.Succeeded, time.Second); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
}

// An audit returns no more violations than it says, and leaves no rule out.
func TestAuditIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.db.Exec(t.Context(), `insert into account (id, seq, granted_seconds, free_seconds)
		select gen_random_uuid(), 1, 1, 1 from generate_series(1, 300)`)
	if err != nil {
		t.Fatal(err)
	}
	violations, err := billing.Audit(t.Context(), b.db, uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	perRule := map[string]int{}
	for _, violation := range violations {
		perRule[violation.Rule]++
	}
	each := billing.MaxViolations / len(billing.Rules())
	want := map[string]int{"totals_match_grants": each, "totals_match_journal": each, "seq_gapless": each}
	if !maps.Equal(perRule, want) {
		t.Errorf("%d violations: %v", len(violations), perRule)
	}
	if _, err := b.db.Exec(t.Context(), "delete from account"); err != nil {
		t.Fatal(err)
	}
}

func TestAuditOfOneAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustReserve(100)
	if _, err := b.db.Exec(t.Context(), "update account set shortfall_seconds = 1"); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[uuid.UUID]int{b.account: 1, uuid.New(): 0, uuid.Nil: 1} {
		if violations, err := billing.Audit(t.Context(), b.db, account); err != nil || len(violations) != want {
			t.Errorf("%s: %+v: %v", account, violations, err)
		}
	}
	if _, err := b.db.Exec(t.Context(), "update account set shortfall_seconds = 0"); err != nil {
		t.Fatal(err)
	}
}

func rulesOf(violations []billing.Violation) []string {
	found := map[string]bool{}
	for _, violation := range violations {
		found[violation.Rule] = true
	}
	return slices.Sorted(maps.Keys(found))
}
