package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// Where an attempt to buy automatically stands. All but pending are final.
const (
	topUpPending  = "pending"
	topUpCharged  = "charged"
	topUpDeclined = "declined"
	topUpFailed   = "failed"
	topUpSkipped  = "skipped"
)

// topUpCase is an account that may be short of time.
type topUpCase struct {
	account *meter.Account // as it stands after the operation
	rule    meter.TopUp
	// seq is the journal row that made it short, or the last one; 0 for none.
	seq int64
	now time.Time
	// own is the attempt for which this is decided again; Nil for none.
	own uuid.UUID
}

func (c *topUpCase) short() bool { return c.rule.Enabled && c.account.Free < c.rule.Threshold }

// topUpVerdict is a decision and how to write it down.
type topUpVerdict struct {
	topUpCase

	id       uuid.UUID
	decision meter.TopUpDecision
	// sold is the package to buy; nil where nothing is bought.
	sold *Package
	// fold says that id is the account's newest attempt, which was not made for
	// the same reason: one more is counted there.
	fold bool
	// monthEnd is when the cap is fresh.
	monthEnd time.Time
}

// topUpAfter decides whether to buy after changes that took spendable seconds. It
// asks the store only for an account that is short then; nil says that there was
// nothing to decide.
func (l *Ledger) topUpAfter(
	ctx context.Context, db store.DBTX, now time.Time, changes *meter.Changes,
) (*topUpVerdict, error) {
	c := topUpCase{account: &changes.Account, rule: changes.TopUp, seq: changes.LoweredSeq, now: now}
	if c.seq == 0 || !c.short() {
		return nil, nil //nolint:nilnil // nothing to decide is no error
	}
	return l.decideTopUp(ctx, db, c)
}

// decideTopUp decides whether to buy, behind the account's lock.
func (l *Ledger) decideTopUp(ctx context.Context, db store.DBTX, c topUpCase) (*topUpVerdict, error) {
	start, end := c.account.Month(c.now)
	found, err := l.queries.TopUpFacts(ctx, db, &store.TopUpFactsParams{
		AccountID: uuid.UUID(c.account.ID), OwnID: c.own, MonthStart: start, MonthEnd: end,
	})
	if err != nil {
		return nil, fmt.Errorf("read facts of a top-up: %w", err)
	}
	verdict := &topUpVerdict{topUpCase: c, sold: l.packageByID(c.rule.PackageID), monthEnd: end}
	facts := meter.TopUpFacts{
		Now: c.now, Spendable: c.account.Free, SpentMicros: found.SpentMicros, InFlight: found.InFlight,
		TakenBack: found.TakenBack, PaymentsOff: l.paymentsOff,
	}
	if verdict.sold != nil {
		facts.PackageSeconds, facts.PriceMicros = verdict.sold.Seconds, verdict.sold.PriceMicros
	}
	verdict.decision = c.rule.Decide(facts)
	if reason := string(verdict.decision.Reason); reason != "" && reason == found.NewestReason {
		verdict.id, verdict.fold = found.NewestID, true
		return verdict, nil
	}
	id, err := newID()
	verdict.id = uuid.UUID(id)
	return verdict, err
}

// packageByID returns a package that is sold, or nil.
func (l *Ledger) packageByID(id string) *Package {
	i := slices.IndexFunc(l.packages, func(p Package) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &l.packages[i]
}

// saveTopUp writes a verdict down, if there is one. Its statements do not depend
// on what they return, as a batch wants it.
func (l *Ledger) saveTopUp(ctx context.Context, db store.DBTX, v *topUpVerdict) error {
	if v == nil {
		return nil
	}
	if v.decision.Reason == meter.TopUpCap {
		_, err := l.queries.AutoTopUpReviewAt(ctx, db, &store.AutoTopUpReviewAtParams{
			AccountID: uuid.UUID(v.account.ID), ReviewTime: &v.monthEnd,
		})
		if err != nil {
			return fmt.Errorf("plan a review: %w", err)
		}
	}
	if v.fold {
		rows, err := l.queries.TopUpAttemptFold(ctx, db, &store.TopUpAttemptFoldParams{ID: v.id, LastSeq: v.seq, SettleTime: &v.now})
		if err := oneRow(rows, err); err != nil {
			return fmt.Errorf("count a decision: %w", err)
		}
		return nil
	}
	params := &store.TopUpAttemptInsertParams{
		ID: v.id, AccountID: uuid.UUID(v.account.ID), JournalSeq: v.seq, State: topUpPending,
		Reason: string(v.decision.Reason), CreateTime: v.now,
	}
	if v.decision.Packages == 0 {
		params.State, params.SettleTime = topUpSkipped, &v.now
	}
	if err := l.queries.TopUpAttemptInsert(ctx, db, params); err != nil {
		return fmt.Errorf("insert top-up attempt: %w", err)
	}
	return nil
}

// tellTopUp counts a verdict that was written, and has it worked on.
func (l *Ledger) tellTopUp(v *topUpVerdict) {
	switch {
	case v == nil:
	case v.decision.Packages > 0:
		l.onTopUp()
	default:
		l.topUps.count(topUpSkipped)
	}
}

// reviewTopUp decides in the caller's transaction, behind the account's lock,
// though nothing was spent.
func (l *Ledger) reviewTopUp(ctx context.Context, tx store.Tx, c topUpCase) error {
	if !c.short() {
		return nil
	}
	verdict, err := l.decideTopUp(ctx, tx, c)
	if err != nil {
		return err
	}
	if err := l.saveTopUp(ctx, tx, verdict); err != nil {
		return err
	}
	l.tellTopUp(verdict)
	return nil
}

// lockTopUp takes the account's lock and returns the account's case as it stands.
// What is due by time counts though it is not written.
func (l *Ledger) lockTopUp(ctx context.Context, tx store.Tx, accountID uuid.UUID) (topUpCase, error) {
	rows, err := l.readLocked(ctx, tx, accountID, "")
	if err != nil {
		return topUpCase{}, err
	}
	state, err := rows.state()
	if err != nil {
		return topUpCase{}, err
	}
	book, err := l.open(state, rows.now)
	if err != nil {
		return topUpCase{}, err
	}
	changes := book.Changes()
	return topUpCase{account: &changes.Account, rule: state.TopUp, seq: state.Account.Seq, now: book.Now()}, nil
}

// topUpRow is a [store.AutoTopup] as it comes with the grants.
type topUpRow struct {
	AccountID        uuid.UUID  `json:"account_id"`
	Enabled          bool       `json:"enabled"`
	ThresholdSeconds int64      `json:"threshold_seconds"`
	PackageID        string     `json:"package_id"`
	MonthlyCapMicros int64      `json:"monthly_cap_micros"`
	ConsentVersion   string     `json:"consent_version"`
	ConsentTime      *time.Time `json:"consent_time"`
	Declines         int32      `json:"declines"`
	PauseUntil       *time.Time `json:"pause_until"`
	Suspended        bool       `json:"suspended"`
	UpdateTime       time.Time  `json:"update_time"`
	ReviewTime       *time.Time `json:"review_time"`
}

// topUpFromJSON reads a rule, or null for none.
func topUpFromJSON(text json.RawMessage) (meter.TopUp, error) {
	if len(text) == 0 || string(text) == "null" {
		return meter.TopUp{}, nil
	}
	var row topUpRow
	if err := json.Unmarshal(text, &row); err != nil {
		return meter.TopUp{}, fmt.Errorf("decode top-up rule: %w", err)
	}
	return topUpFromRow((*store.AutoTopup)(&row)), nil
}
