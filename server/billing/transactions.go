package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// maxSpan is how many rows of a journal one page looks at: a filter that few of
// them pass must not read all of a long one.
const maxSpan = 10_000

// TransactionsRequest asks for a page of an account's journal.
type TransactionsRequest struct {
	AccountID uuid.UUID
	// Before is the seq that the page is below; 0 begins with the newest entry.
	Before int64
	// Kinds and BuildID filter; empty and uuid.Nil take all.
	Kinds   []meter.EntryKind
	BuildID uuid.UUID
	// Size is how many entries the page has at most, from 1.
	Size int32
}

// Transaction is an entry of the journal with the reason that was given for it.
type Transaction struct {
	meter.Entry

	// Why is the reason of a grant or of a void, for people; empty otherwise.
	Why string
}

// Transactions is a page of a journal, newest first.
type Transactions struct {
	Entries []Transaction
	// Next is what the next page is below; 0 after the last page.
	Next int64
}

// span is a range of a journal's seqs, both ends in it.
type span struct{ first, last int64 }

// Transactions returns a page of the account's journal. A page that is filtered
// may have few entries, or none, and still have a next one: it looks at 10,000
// entries at most. Of a build, only the entries written while it had holds are
// looked at. It returns [ErrHoldNotFound] for a build that the account has not
// paid for.
func (l *Ledger) Transactions(ctx context.Context, db store.DBTX, request TransactionsRequest) (*Transactions, error) {
	within, err := l.spanOf(ctx, db, request)
	if err != nil || within.last < within.first {
		return &Transactions{}, err
	}
	first := max(within.first, within.last-maxSpan+1)
	rows, err := l.queries.JournalPage(ctx, db, &store.JournalPageParams{
		AccountID: request.AccountID, FirstSeq: first, LastSeq: within.last,
		Kinds: texts(request.Kinds), BuildID: idOrNull(meter.ID(request.BuildID)), PageSize: request.Size + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	page := &Transactions{}
	switch {
	case len(rows) > int(request.Size):
		rows = rows[:request.Size]
		page.Next = rows[len(rows)-1].Seq
	case first > within.first:
		page.Next = first
	}
	page.Entries, err = l.transactions(ctx, db, request.AccountID, rows)
	return page, err
}

// spanOf returns the entries among which those of a request are; none if the
// first is after the last.
func (l *Ledger) spanOf(ctx context.Context, db store.DBTX, request TransactionsRequest) (span, error) {
	within := span{first: 1, last: request.Before - 1}
	if request.Before == 0 {
		last, err := l.queries.JournalLastSeq(ctx, db, &store.JournalLastSeqParams{AccountID: request.AccountID})
		if err != nil {
			return span{}, fmt.Errorf("read the journal's end: %w", err)
		}
		within.last = last
	}
	if request.BuildID == uuid.Nil {
		return within, nil
	}
	return l.spanOfBuild(ctx, db, request, within)
}

func (l *Ledger) spanOfBuild(
	ctx context.Context, db store.DBTX, request TransactionsRequest, within span,
) (span, error) {
	held, err := l.queries.JournalBuildSpan(ctx, db, &store.JournalBuildSpanParams{
		AccountID: request.AccountID, BuildID: request.BuildID,
	})
	if errors.Is(err, store.ErrNotFound) {
		return span{}, ErrHoldNotFound
	}
	if err != nil {
		return span{}, fmt.Errorf("read the build's holds: %w", err)
	}
	if !held.Open {
		within.last = min(within.last, held.LastSeq)
	}
	before, err := l.queries.JournalCountBefore(ctx, db, &store.JournalCountBeforeParams{
		AccountID: request.AccountID, Instant: held.BeginTime, LastSeq: within.last,
	})
	if err != nil {
		return span{}, fmt.Errorf("find the build's first entry: %w", err)
	}
	within.first = before + 1
	return within, nil
}

// transactions decodes rows and adds the reasons: a void has its own, a grant's
// stands with the grant.
func (l *Ledger) transactions(
	ctx context.Context, db store.DBTX, accountID uuid.UUID, rows []*store.Journal,
) ([]Transaction, error) {
	decoded := make([]Transaction, len(rows))
	made := map[uuid.UUID]*Transaction{}
	params := &store.GrantReasonsManyParams{AccountID: accountID}
	for i, row := range rows {
		entry, err := entryFromRow(row)
		if err != nil {
			return nil, err
		}
		decoded[i] = Transaction{Entry: *entry, Why: entry.Reason}
		if entry.Kind == meter.EntryGrant && len(entry.Lines) > 0 {
			grantID := uuid.UUID(entry.Lines[0].GrantID)
			made[grantID] = &decoded[i]
			params.Ids = append(params.Ids, grantID)
		}
	}
	if len(made) == 0 {
		return decoded, nil
	}
	reasons, err := l.queries.GrantReasonsMany(ctx, db, params)
	if err != nil {
		return nil, fmt.Errorf("read reasons: %w", err)
	}
	for _, reason := range reasons {
		made[reason.ID].Why = reason.Reason
	}
	return decoded, nil
}

// Moved is what the transaction is about, by kind of grant, never negative: the
// seconds that came in, were set aside, were charged, were held no more, or
// ended.
func (t *Transaction) Moved() meter.Amounts {
	moved := meter.Amounts{}
	for _, line := range t.Lines {
		var seconds int64
		switch t.Kind {
		case meter.EntryGrant:
			seconds = line.Free
		case meter.EntryHold, meter.EntryExtend:
			seconds = line.Held
		case meter.EntryCommit, meter.EntryLateCommit:
			seconds = line.Consumed
		case meter.EntryRelease, meter.EntryExpire:
			seconds = -line.Held
		case meter.EntryLapse, meter.EntryVoid:
			seconds = line.Lapsed
		}
		if seconds != 0 {
			moved[line.Kind] += seconds
		}
	}
	return moved
}

func texts[T ~string](values []T) []string {
	converted := make([]string, len(values))
	for i, value := range values {
		converted[i] = string(value)
	}
	return converted
}
