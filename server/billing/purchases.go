package billing

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// PurchaseOptions configure [Purchases].
type PurchaseOptions struct {
	DB     *store.DB
	Ledger *Ledger
	// Payments is the provider; nil is [Manual].
	Payments Payments
	// CardChanged is called in the transaction in which an account leaves a card
	// with the provider, behind the account's lock; nil does nothing.
	CardChanged func(ctx context.Context, tx store.Tx, accountID uuid.UUID) error
	// Clock says how old a webhook's signature is; nil is [time.Now].
	Clock func() time.Time
	// Metrics count what the provider tells; nil counts for nobody.
	Metrics *PaymentMetrics
	Log     *slog.Logger
}

// Purchases sells packages and applies what the payment provider tells. It is
// safe for concurrent use, and any number of processes can share the store.
//
// Its locks are taken in this order: what the provider calls a payment, the
// account, the purchase.
type Purchases struct {
	db          *store.DB
	queries     *store.Queries
	ledger      *Ledger
	payments    Payments
	cardChanged func(ctx context.Context, tx store.Tx, accountID uuid.UUID) error
	clock       func() time.Time
	metrics     *PaymentMetrics
	log         *slog.Logger
}

// NewPurchases returns what sells packages of the store.
func NewPurchases(options PurchaseOptions) *Purchases {
	p := &Purchases{
		db: options.DB, queries: store.New(), ledger: options.Ledger, payments: options.Payments,
		cardChanged: options.CardChanged, clock: options.Clock, metrics: options.Metrics, log: options.Log,
	}
	if p.payments == nil {
		p.payments = Manual{}
	}
	if p.cardChanged == nil {
		p.cardChanged = func(context.Context, store.Tx, uuid.UUID) error { return nil }
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	if p.metrics == nil {
		p.metrics = NewPaymentMetrics(nil)
	}
	return p
}

// SyncPackages makes these the packages that are sold. Any number of nodes may do
// it at once; where they disagree, the last one counts.
func (p *Purchases) SyncPackages(ctx context.Context, packages []Package) error {
	// In one order, so that nodes that start together do not lock each other out.
	sorted := slices.SortedFunc(slices.Values(packages), func(a, b Package) int { return strings.Compare(a.ID, b.ID) })
	ids := make([]string, 0, len(sorted))
	return store.InTx(ctx, p.db, func(tx pgx.Tx) error {
		ids = ids[:0]
		for _, sold := range sorted {
			err := p.queries.PackageUpsert(ctx, tx, &store.PackageUpsertParams{
				ID: sold.ID, Seconds: sold.Seconds, PriceMicros: sold.PriceMicros, CurrencyCode: sold.CurrencyCode,
				LifeSeconds: sold.lifeSeconds(),
			})
			if err != nil {
				return fmt.Errorf("store package %s: %w", sold.ID, err)
			}
			ids = append(ids, sold.ID)
		}
		if err := p.queries.PackageRetireOthers(ctx, tx, &store.PackageRetireOthersParams{Ids: ids}); err != nil {
			return fmt.Errorf("retire packages: %w", err)
		}
		return nil
	})
}

// Packages returns what is sold, the smallest first, at most limit, after the
// package of this size and id.
func (p *Purchases) Packages(ctx context.Context, afterSeconds int64, afterID string, limit int32) ([]Package, error) {
	rows, err := p.queries.PackageList(ctx, p.db, &store.PackageListParams{
		AfterSeconds: afterSeconds, AfterID: afterID, PageSize: limit,
	})
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	packages := make([]Package, len(rows))
	for i, row := range rows {
		packages[i] = packageFromRow(row)
	}
	return packages, nil
}

func packageFromRow(row *store.Package) Package {
	return Package{
		ID: row.ID, Seconds: row.Seconds, PriceMicros: row.PriceMicros, CurrencyCode: row.CurrencyCode,
		Life: lifeOf(row.LifeSeconds),
	}
}

func lifeOf(seconds *int64) time.Duration {
	if seconds == nil {
		return 0
	}
	return time.Duration(*seconds) * time.Second
}

// PurchaseGrant is what a purchase gives that was paid at a time. Whoever learns of
// the payment asks the ledger for this, and the key makes it one grant. The time is
// what the purchase keeps as paid_time; any other makes it another request.
func PurchaseGrant(purchase *store.Purchase, paid time.Time) GrantRequest {
	request := GrantRequest{
		AccountID: purchase.AccountID, Key: "purchase:" + purchase.ID.String(),
		Kind: meter.Package, Seconds: purchase.Seconds, Source: meter.SourcePayment,
	}
	if life := lifeOf(purchase.LifeSeconds); life > 0 {
		request.ExpireTime = paid.Add(life)
	}
	return request
}
