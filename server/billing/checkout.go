package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// CheckoutRequest asks for a payment page.
type CheckoutRequest struct {
	AccountID uuid.UUID
	// Key makes the request repeatable: 1 to 255 bytes, scoped to the account.
	Key       string
	PackageID string
	// SuccessURL and CancelURL are where the page leads; http or https.
	SuccessURL, CancelURL string
	// Locale is the language of the page. A repeat keeps the first one's.
	Locale string
}

// The fingerprint leaves the locale out: a browser that asks again in another
// language means the same purchase.
func (r CheckoutRequest) fingerprint() []byte {
	sum := fingerprint("checkout", r.PackageID, r.SuccessURL, r.CancelURL)
	return sum[:]
}

// paymentsRetryAfter is what a caller is asked to wait for the provider.
const paymentsRetryAfter = 2 * time.Second

// errNoPage is a provider that opened a page without an id or an address.
var errNoPage = errors.New("payment provider opened no page")

// Checkout opens a payment page for a package and returns its purchase. The same
// request again returns the same page, and makes good for an answer that was
// lost. It returns [store.ErrNotFound] for a package that is not sold,
// [ErrKeyReused], [ErrInvalid], [ErrPaymentsOff] and errors that wrap
// [ErrPaymentsAway].
func (p *Purchases) Checkout(ctx context.Context, request CheckoutRequest) (*store.Purchase, error) {
	if !isWeb(request.SuccessURL) || !isWeb(request.CancelURL) || len(request.Key) < 1 || len(request.Key) > maxKey {
		return nil, fmt.Errorf("checkout with a key of %d bytes: %w", len(request.Key), ErrInvalid)
	}
	if _, off := p.payments.(Manual); off {
		return nil, ErrPaymentsOff
	}
	purchase, err := p.begin(ctx, request)
	if err != nil || purchase.CheckoutURL != "" {
		return purchase, err
	}
	title := Package{ID: purchase.PackageID, Seconds: purchase.Seconds}
	page, err := p.payments.Checkout(ctx, PaymentOrder{
		PurchaseID: purchase.ID, AccountID: purchase.AccountID,
		Title: title.Title(purchase.Locale), Locale: purchase.Locale,
		PriceMicros: purchase.PriceMicros, CurrencyCode: purchase.CurrencyCode, CustomerID: purchase.CustomerID,
		SuccessURL: request.SuccessURL, CancelURL: request.CancelURL,
	})
	if err != nil {
		return p.openedByAnother(ctx, purchase, err)
	}
	if page.ID == "" || page.URL == "" {
		return nil, errNoPage
	}
	return p.keepPage(ctx, purchase, page)
}

// begin stores the purchase before the provider hears of it, or finds it.
func (p *Purchases) begin(ctx context.Context, request CheckoutRequest) (*store.Purchase, error) {
	var purchase *store.Purchase
	err := store.InTx(ctx, p.db, func(tx pgx.Tx) (err error) {
		if _, err := p.ledger.readLocked(ctx, tx, request.AccountID, ""); err != nil {
			return err
		}
		purchase, err = p.queries.PurchaseByKey(ctx, tx, &store.PurchaseByKeyParams{
			AccountID: request.AccountID, IdempotencyKey: request.Key,
		})
		switch {
		case err == nil && !p.sameRequest(purchase, request):
			return ErrKeyReused
		case errors.Is(err, store.ErrNotFound):
			purchase, err = p.insert(ctx, tx, request)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("begin purchase: %w", err)
	}
	return purchase, nil
}

// sameRequest also tells a purchase that was begun with another provider, which
// this one knows nothing of.
func (p *Purchases) sameRequest(purchase *store.Purchase, request CheckoutRequest) bool {
	return bytes.Equal(purchase.Fingerprint, request.fingerprint()) &&
		(purchase.CheckoutURL != "" || purchase.Provider == p.payments.Name())
}

func (p *Purchases) insert(ctx context.Context, tx store.Tx, request CheckoutRequest) (*store.Purchase, error) {
	sold, err := p.queries.PackageSold(ctx, tx, &store.PackageSoldParams{ID: request.PackageID})
	if err != nil {
		return nil, fmt.Errorf("read package: %w", err)
	}
	customer, err := customer(ctx, tx, p.payments, request.AccountID)
	if err != nil {
		return nil, err
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	purchase, err := p.queries.PurchaseInsert(ctx, tx, &store.PurchaseInsertParams{
		ID: uuid.UUID(id), AccountID: request.AccountID, PackageID: sold.ID, Seconds: sold.Seconds,
		PriceMicros: sold.PriceMicros, CurrencyCode: sold.CurrencyCode, LifeSeconds: sold.LifeSeconds,
		IdempotencyKey: request.Key, Fingerprint: request.fingerprint(),
		Provider: p.payments.Name(), Locale: request.Locale, CustomerID: customer,
	})
	if err != nil {
		return nil, fmt.Errorf("store purchase: %w", err)
	}
	return purchase, nil
}

// customer returns who an account is to the provider; empty if it has not left a
// card there.
func customer(ctx context.Context, db store.DBTX, payments Payments, accountID uuid.UUID) (string, error) {
	customer, err := store.New().PaymentCustomerByAccount(ctx, db, &store.PaymentCustomerByAccountParams{
		AccountID: accountID, Provider: payments.Name(),
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("read customer: %w", err)
	}
	return customer, nil
}

// keepPage stores the page. Events may have waited for its id.
func (p *Purchases) keepPage(ctx context.Context, opened *store.Purchase, page *Checkout) (*store.Purchase, error) {
	var purchase *store.Purchase
	err := store.InTx(ctx, p.db, func(tx pgx.Tx) error {
		if err := p.lockSubject(ctx, tx, page.ID); err != nil {
			return err
		}
		if err := p.ledger.settle(ctx, tx, opened.AccountID); err != nil {
			return err
		}
		_, err := p.queries.PurchaseOpenedIfNew(ctx, tx, &store.PurchaseOpenedIfNewParams{
			ID: opened.ID, ProviderID: page.ID, CheckoutURL: page.URL,
		})
		if err != nil {
			return fmt.Errorf("store payment page: %w", err)
		}
		if purchase, err = p.queries.PurchaseLock(ctx, tx, &store.PurchaseLockParams{ID: opened.ID}); err != nil {
			return fmt.Errorf("lock purchase: %w", err)
		}
		return p.applyEvents(ctx, tx, purchase, page.ID)
	})
	return purchase, err
}

// openedByAnother looks whether the same request, at the same time, has got the
// page that this one did not.
func (p *Purchases) openedByAnother(ctx context.Context, begun *store.Purchase, cause error) (*store.Purchase, error) {
	purchase, err := p.queries.PurchaseByID(ctx, p.db, &store.PurchaseByIDParams{ID: begun.ID})
	if err != nil || purchase.CheckoutURL == "" {
		return nil, fmt.Errorf("open payment page: %w", cause)
	}
	return purchase, nil
}

func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// paymentFault is what a caller may see of a provider's failure. Other errors
// pass through.
func paymentFault(err error) error {
	switch {
	case errors.Is(err, ErrPaymentsOff):
		return &fault.Error{
			Code: connect.CodeFailedPrecondition, Reason: errorv1.ErrorReason_ERROR_REASON_PAYMENTS_OFF,
			Message: "Nothing can be bought here; an admin grants AI time.", Cause: err,
		}
	case errors.Is(err, ErrPaymentsAway):
		return &fault.Error{
			Code: connect.CodeUnavailable, Reason: errorv1.ErrorReason_ERROR_REASON_PAYMENTS_AWAY,
			Message:    "The payment provider cannot be reached at the moment; try again with the same key.",
			RetryAfter: paymentsRetryAfter, Cause: err,
		}
	}
	return err
}
