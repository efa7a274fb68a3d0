package billing_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// testBundle is a ledger on a database of its own, with a clock that stands
// still until it is moved.
type testBundle struct {
	*billing.Ledger
	t       *testing.T
	db      *store.DB
	clock   atomic.Pointer[time.Time]
	account uuid.UUID
}

// noon is where the clock stands.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{t: t, db: storetest.New(t), account: uuid.New()}
	b.setClock(noon)
	b.Ledger = billing.NewLedger(billing.Options{
		Packages: []billing.Package{{ID: "mini", Seconds: 3600}},
		Clock:    func(time.Time) time.Time { return *b.clock.Load() },
	})
	t.Cleanup(func() { audit(t, b.db) })
	return b
}

func (b *testBundle) setClock(now time.Time) { b.clock.Store(&now) }

func (b *testBundle) inTx(fn func(tx pgx.Tx) error) error {
	return store.InTx(b.t.Context(), b.db, fn)
}

func (b *testBundle) reserve(request billing.ReserveRequest) (*billing.Hold, *billing.Balance, error) {
	if request.AccountID == uuid.Nil {
		request.AccountID = b.account
	}
	if request.Operation == "" {
		request.Operation = meter.MainBuild
	}
	var hold *billing.Hold
	var balance *billing.Balance
	err := b.inTx(func(tx pgx.Tx) (err error) {
		hold, balance, err = b.Reserve(b.t.Context(), tx, request)
		return err
	})
	return hold, balance, err
}

func (b *testBundle) mustReserve(seconds int64) *billing.Hold {
	b.t.Helper()
	hold, _, err := b.reserve(billing.ReserveRequest{Seconds: seconds})
	if err != nil {
		b.t.Fatal(err)
	}
	return hold
}

func (b *testBundle) commit(hold *billing.Hold, outcome meter.Outcome, active time.Duration) (*billing.Receipt, error) {
	var receipt *billing.Receipt
	err := b.inTx(func(tx pgx.Tx) (err error) {
		receipt, err = b.Commit(b.t.Context(), tx, billing.CommitRequest{
			AccountID: b.account, HoldID: uuid.UUID(hold.ID), Outcome: outcome, Active: active, CostMicros: 1500,
		})
		return err
	})
	return receipt, err
}

func (b *testBundle) release(hold *billing.Hold) (*billing.Hold, *billing.Balance, error) {
	var released *billing.Hold
	var balance *billing.Balance
	err := b.inTx(func(tx pgx.Tx) (err error) {
		released, balance, err = b.Release(b.t.Context(), tx, billing.ReleaseRequest{
			AccountID: b.account, HoldID: uuid.UUID(hold.ID),
		})
		return err
	})
	return released, balance, err
}

func (b *testBundle) grant(request billing.GrantRequest) (*billing.Credit, *billing.Balance, error) {
	request.AccountID = b.account
	var grant *billing.Credit
	var balance *billing.Balance
	err := b.inTx(func(tx pgx.Tx) (err error) {
		grant, balance, err = b.Grant(b.t.Context(), tx, request)
		return err
	})
	return grant, balance, err
}

func (b *testBundle) wantSpendable(spendable, held int64) {
	b.t.Helper()
	balance, err := b.Balance(b.t.Context(), b.db, b.account)
	if err != nil {
		b.t.Fatal(err)
	}
	if balance.Spendable != spendable || balance.Held != held || balance.ByKind.Total() != spendable {
		b.t.Errorf("balance %+v, want %d s spendable and %d s held", balance, spendable, held)
	}
}

func (b *testBundle) count(query string, args ...any) int {
	b.t.Helper()
	var n int
	if err := b.db.QueryRow(b.t.Context(), query, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}
