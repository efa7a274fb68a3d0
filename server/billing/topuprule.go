package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// defaultTopUpPackage is what a rule buys that names no package.
const defaultTopUpPackage = "mini"

// AutoTopUp is the rule by which an account buys time by itself.
type AutoTopUp struct {
	Enabled bool
	// ThresholdSeconds is from 1 to 1,000,000: it buys when fewer are spendable.
	ThresholdSeconds int64
	PackageID        string
	// MonthlyCapMicros bounds what is spent in a calendar month of the account's
	// zone, in micro-units of the package's currency. Refunds make no new room.
	MonthlyCapMicros int64
	// ConsentVersion is the version of the terms that the user agreed to at
	// ConsentTime; empty and zero without consent.
	ConsentVersion string
	ConsentTime    time.Time
	// Suspended says that declined payments stopped it.
	Suspended bool
}

// AutoTopUpRequest replaces an account's rule.
type AutoTopUpRequest struct {
	AccountID uuid.UUID
	Enabled   bool
	// ThresholdSeconds is up to 1,000,000; 0 is [meter.TopUpThreshold].
	ThresholdSeconds int64
	// PackageID is empty for the package "mini".
	PackageID        string
	MonthlyCapMicros int64
	ConsentVersion   string
}

// Errors of [Ledger.SetAutoTopUp].
var (
	// ErrPackageNotFound is a package that is not sold.
	ErrPackageNotFound error = fault.NotFound()
	// ErrNoConsent is a rule that would buy without consent.
	ErrNoConsent error = fault.InvalidField("The field consent_version is needed to enable automatic purchases.").
			Keyed("error.detail.topUpConsent")
	// ErrCapTooLow is a rule that could not buy a single package in a month.
	ErrCapTooLow error = fault.InvalidField("The field monthly_cap_micros must allow for one package to enable automatic purchases.").
			Keyed("error.detail.topUpCap")
)

// AutoTopUp returns an account's rule, and the defaults for an account without.
func (l *Ledger) AutoTopUp(ctx context.Context, db store.DBTX, accountID uuid.UUID) (*AutoTopUp, error) {
	row, err := l.queries.AutoTopUpByAccount(ctx, db, &store.AutoTopUpByAccountParams{AccountID: accountID})
	if errors.Is(err, store.ErrNotFound) {
		return &AutoTopUp{ThresholdSeconds: meter.TopUpThreshold, PackageID: defaultTopUpPackage}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read top-up rule: %w", err)
	}
	return autoTopUpFromRow(row), nil
}

// SetAutoTopUp replaces an account's rule in the caller's transaction, which is not
// one of [store.InShortTx], and returns it. To enable it is to consent anew: that lifts a suspension and a pause, and an
// account that is short buys at once. To disable it stops a purchase that was
// decided on, unless the charge has begun. It returns [ErrPaymentsOff],
// [ErrNoConsent], [ErrPackageNotFound], [ErrCapTooLow] and [ErrInvalid].
func (l *Ledger) SetAutoTopUp(ctx context.Context, tx store.Tx, request AutoTopUpRequest) (*AutoTopUp, error) {
	request.ThresholdSeconds = cmp.Or(request.ThresholdSeconds, meter.TopUpThreshold)
	request.PackageID = cmp.Or(request.PackageID, defaultTopUpPackage)
	if err := l.checkAutoTopUp(&request); err != nil {
		return nil, err
	}
	found, err := l.lockTopUp(ctx, tx, request.AccountID)
	if err != nil {
		return nil, err
	}
	before, err := l.AutoTopUp(ctx, tx, request.AccountID)
	if err != nil {
		return nil, err
	}
	params := &store.AutoTopUpPutParams{
		AccountID: request.AccountID, Enabled: request.Enabled, ThresholdSeconds: request.ThresholdSeconds,
		PackageID: request.PackageID, MonthlyCapMicros: request.MonthlyCapMicros,
		ConsentVersion: request.ConsentVersion, UpdateTime: found.now,
	}
	if request.ConsentVersion != "" {
		params.ConsentTime = consentTime(before, &request, found.now)
	}
	row, err := l.queries.AutoTopUpPut(ctx, tx, params)
	if err != nil {
		return nil, fmt.Errorf("write top-up rule: %w", err)
	}
	if found.rule = topUpFromRow(row); found.rule.Enabled {
		return autoTopUpFromRow(row), l.reviewTopUp(ctx, tx, found)
	}
	return autoTopUpFromRow(row), l.stopTopUp(ctx, tx, found)
}

func (l *Ledger) checkAutoTopUp(request *AutoTopUpRequest) error {
	if request.ThresholdSeconds < 1 || request.ThresholdSeconds > 1_000_000 || request.MonthlyCapMicros < 0 {
		return fmt.Errorf("threshold of %d s with a cap of %d: %w", request.ThresholdSeconds, request.MonthlyCapMicros, ErrInvalid)
	}
	if !request.Enabled {
		return nil
	}
	sold := l.packageByID(request.PackageID)
	switch {
	case l.paymentsOff:
		return ErrPaymentsOff
	case request.ConsentVersion == "":
		return ErrNoConsent
	case sold == nil:
		return ErrPackageNotFound
	case request.MonthlyCapMicros < sold.PriceMicros:
		return ErrCapTooLow
	}
	return nil
}

// consentTime is when the user agreed: before, if the rule goes on under the same
// terms, so that a repeated request changes nothing.
func consentTime(before *AutoTopUp, request *AutoTopUpRequest, now time.Time) *time.Time {
	if before.Enabled && !before.Suspended && before.ConsentVersion == request.ConsentVersion {
		return &before.ConsentTime
	}
	return &now
}

// stopTopUp ends an attempt whose purchase has not begun.
func (l *Ledger) stopTopUp(ctx context.Context, db store.DBTX, c topUpCase) error {
	stopped, err := l.queries.TopUpAttemptStop(ctx, db, &store.TopUpAttemptStopParams{
		AccountID: uuid.UUID(c.account.ID), Reason: string(meter.TopUpDisabled), SettleTime: &c.now,
	})
	if err != nil {
		return fmt.Errorf("stop top-up attempt: %w", err)
	}
	if stopped > 0 {
		l.topUps.count(topUpSkipped)
	}
	return nil
}

// CardChanged lifts what declined payments did to an account's rule, in the
// caller's transaction, which is not one of [store.InShortTx]: there is another
// card to charge. An account that is short buys at once.
func (l *Ledger) CardChanged(ctx context.Context, tx store.Tx, accountID uuid.UUID) error {
	found, err := l.lockTopUp(ctx, tx, accountID)
	if err != nil || !found.rule.Enabled {
		return err
	}
	found.rule = found.rule.Lifted()
	if err := l.saveTopUpRule(ctx, tx, found); err != nil {
		return err
	}
	return l.reviewTopUp(ctx, tx, found)
}

// saveTopUpRule writes what attempts change of a rule.
func (l *Ledger) saveTopUpRule(ctx context.Context, db store.DBTX, c topUpCase) error {
	rows, err := l.queries.AutoTopUpUpdateState(ctx, db, &store.AutoTopUpUpdateStateParams{
		AccountID: uuid.UUID(c.account.ID), Declines: c.rule.Declines, PauseUntil: timeOrNull(c.rule.PauseUntil),
		Suspended: c.rule.Suspended, ReviewTime: timeOrNull(c.rule.ReviewTime),
	})
	if err := oneRow(rows, err); err != nil {
		return fmt.Errorf("update top-up rule: %w", err)
	}
	return nil
}

func topUpFromRow(row *store.AutoTopup) meter.TopUp {
	return meter.TopUp{
		Enabled: row.Enabled, Threshold: row.ThresholdSeconds, PackageID: row.PackageID,
		CapMicros: row.MonthlyCapMicros, Consented: row.ConsentVersion != "", Declines: row.Declines,
		PauseUntil: timeOrZero(row.PauseUntil), Suspended: row.Suspended, ReviewTime: timeOrZero(row.ReviewTime),
	}
}

func autoTopUpFromRow(row *store.AutoTopup) *AutoTopUp {
	return &AutoTopUp{
		Enabled: row.Enabled, ThresholdSeconds: row.ThresholdSeconds, PackageID: row.PackageID,
		MonthlyCapMicros: row.MonthlyCapMicros, ConsentVersion: row.ConsentVersion,
		ConsentTime: timeOrZero(row.ConsentTime), Suspended: row.Suspended,
	}
}
