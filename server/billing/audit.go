package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

const (
	// MaxViolations is how many violations an audit returns at most.
	MaxViolations = 1000
	// auditTimeout bounds each query of an audit, in Postgres itself.
	auditTimeout = "5min"
)

// Violation is one contradiction in the stored rows.
type Violation struct {
	// Rule is the name of the broken rule, such as totals_match_grants.
	Rule string
	// AccountID is whose rows they are.
	AccountID uuid.UUID
	// Description is for operators. It names rows and numbers and no secrets.
	Description string
}

// Audit checks the stored rows of an account, or of all accounts for uuid.Nil,
// against the rules of the ledger, and returns what breaks them: nothing, on a
// ledger that only this package has written. It reads one snapshot and locks
// nothing, so that it can run beside any load. It returns at most
// [MaxViolations], and of each rule an equal part of them at most, so that no
// rule hides another.
func Audit(ctx context.Context, db *store.DB, accountID uuid.UUID) ([]Violation, error) {
	var violations []Violation
	err := store.InSnapshot(ctx, db, func(snapshot store.DBTX) (err error) {
		violations, err = audit(ctx, snapshot, accountID)
		return err
	})
	return violations, err
}

// audit is Audit in a transaction.
func audit(ctx context.Context, db store.DBTX, accountID uuid.UUID) ([]Violation, error) {
	err := store.New().AuditSettings(ctx, db, &store.AuditSettingsParams{StatementTimeout: auditTimeout})
	if err != nil {
		return nil, fmt.Errorf("set up the audit: %w", err)
	}
	rules := auditRules()
	scope := auditScope{MaxRows: int32(MaxViolations / len(rules))} //nolint:gosec // at most 1000
	if accountID != uuid.Nil {
		scope.AccountID = &accountID
	}
	var violations []Violation
	for _, rule := range rules {
		broken, err := rule.find(ctx, db, scope)
		if err != nil {
			return nil, fmt.Errorf("audit of %s: %w", rule.name, err)
		}
		for _, row := range broken {
			violations = append(violations, Violation{Rule: rule.name, AccountID: row.AccountID, Description: row.Description})
		}
	}
	return violations, nil
}

// Rules returns the names of all rules that [Audit] checks.
func Rules() []string {
	var names []string
	for _, rule := range auditRules() {
		names = append(names, rule.name)
	}
	return names
}

// auditRule is a rule with what finds the rows that break it.
type auditRule struct {
	name string
	find func(context.Context, store.DBTX, auditScope) ([]brokenRow, error)
}

// auditScope and brokenRow are what every query of the audit takes and returns.
type (
	auditScope struct {
		AccountID *uuid.UUID
		MaxRows   int32
	}
	brokenRow struct {
		AccountID   uuid.UUID
		Description string
	}
)

// auditRules are the rules; queries/audit.sql and audit_hold.sql say what each is.
func auditRules() []auditRule {
	q := store.New()
	return []auditRule{
		ruleOf("totals_match_grants", q.AuditTotalsMatchGrants),
		ruleOf("totals_match_journal", q.AuditTotalsMatchJournal),
		ruleOf("seq_gapless", q.AuditSeqGapless),
		ruleOf("times_ascend", q.AuditTimesAscend),
		ruleOf("chain_intact", q.AuditChainIntact),
		ruleOf("head_matches_chain", q.AuditHeadMatchesChain),
		ruleOf("lines_match_deltas", q.AuditLinesMatchDeltas),
		ruleOf("balances_add_up", q.AuditBalancesAddUp),
		ruleOf("grants_match_journal", q.AuditGrantsMatchJournal),
		ruleOf("grants_made_once", q.AuditGrantsMadeOnce),
		ruleOf("never_negative", q.AuditNeverNegative),
		ruleOf("gifts_disjoint", q.AuditGiftsDisjoint),
		ruleOf("gifts_recorded", q.AuditGiftsRecorded),
		ruleOf("voided_give_nothing", q.AuditVoidedGiveNothing),
		ruleOf("owed_is_held", q.AuditOwedIsHeld),
		ruleOf("ended_are_settled", q.AuditEndedAreSettled),
		ruleOf("next_due_matches", q.AuditNextDueMatches),
		ruleOf("holds_match_held", q.AuditHoldsMatchHeld),
		ruleOf("holds_match_grants", q.AuditHoldsMatchGrants),
		ruleOf("holds_match_lines", q.AuditHoldsMatchLines),
		ruleOf("holds_match_entries", q.AuditHoldsMatchEntries),
		ruleOf("holds_end_once", q.AuditHoldsEndOnce),
		ruleOf("charges_match_journal", q.AuditChargesMatchJournal),
		ruleOf("charges_are_due", q.AuditChargesAreDue),
		ruleOf("usage_matches_consumed", q.AuditUsageMatchesConsumed),
		ruleOf("purchases_match_grants", q.AuditPurchasesMatchGrants),
	}
}

// ruleOf makes a rule of a generated query, all of which look alike.
func ruleOf[
	P ~struct {
		AccountID *uuid.UUID
		MaxRows   int32
	},
	R ~struct {
		AccountID   uuid.UUID
		Description string
	},
](name string, query func(context.Context, store.DBTX, *P) ([]*R, error)) auditRule {
	return auditRule{name: name, find: func(ctx context.Context, db store.DBTX, scope auditScope) ([]brokenRow, error) {
		params := P(scope)
		rows, err := query(ctx, db, &params)
		broken := make([]brokenRow, len(rows))
		for i, row := range rows {
			broken[i] = brokenRow(*row)
		}
		return broken, err
	}}
}
