package billing

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// save writes what the book changed, in one round trip that also commits a short
// transaction. Were the lock not held and another change between, the journal's
// keys would refuse the rows: a seq is given once, and a hold ends once.
func (l *Ledger) save(ctx context.Context, tx store.Tx, book *meter.Book) error {
	return l.saveQuoted(ctx, tx, book, quoted{size: SizeMedium})
}

// quoted is what a new hold's row says beside the hold.
type quoted struct {
	size    Size
	seconds int64
}

func (l *Ledger) saveQuoted(ctx context.Context, tx store.Tx, book *meter.Book, quote quoted) error {
	changes := book.Changes()
	if len(changes.Entries) == 0 {
		return nil
	}
	topUp, err := l.topUpAfter(ctx, tx, book.Now(), &changes)
	if err != nil {
		return err
	}
	rows := make([]*store.JournalInsertParams, len(changes.Entries))
	for i := range changes.Entries {
		rows[i] = journalParams(&changes.Entries[i])
	}
	err = store.InLastBatch(ctx, tx, func(db store.DBTX) error {
		// All of them are called, whatever one of them returns.
		return cmp.Or(
			l.saveGrants(ctx, db, &changes),
			l.insertHolds(ctx, db, &changes, quote),
			l.updateHolds(ctx, db, &changes),
			l.saveJournal(ctx, db, rows),
			l.saveUsage(ctx, db, &changes),
			l.saveAccount(ctx, db, &changes),
			l.saveTopUp(ctx, db, topUp),
		)
	})
	if err == nil {
		l.tellTopUp(topUp)
	}
	return err
}

func (l *Ledger) saveGrants(ctx context.Context, db store.DBTX, changes *meter.Changes) error {
	accountID := uuid.UUID(changes.Account.ID)
	for _, grant := range changes.MadeGrants {
		err := l.queries.GrantInsert(ctx, db, &store.GrantInsertParams{
			ID: uuid.UUID(grant.ID), AccountID: accountID, Kind: string(grant.Kind), Source: string(grant.Source),
			Reason: grant.Reason, Seconds: grant.Seconds, FreeSeconds: grant.Free, HeldSeconds: grant.Held,
			ConsumedSeconds: grant.Consumed, LapsedSeconds: grant.Lapsed,
			CreateTime: grant.CreateTime, ExpireTime: timeOrNull(grant.ExpireTime),
		})
		if err != nil {
			return fmt.Errorf("insert grant: %w", err)
		}
	}
	for _, grant := range changes.Grants {
		rows, err := l.queries.GrantUpdate(ctx, db, &store.GrantUpdateParams{
			ID: uuid.UUID(grant.ID), AccountID: accountID, FreeSeconds: grant.Free, HeldSeconds: grant.Held,
			ConsumedSeconds: grant.Consumed, LapsedSeconds: grant.Lapsed, OwedSeconds: grant.Owed,
			VoidTime: timeOrNull(grant.VoidTime),
		})
		if err := oneRow(rows, err); err != nil {
			return fmt.Errorf("update grant: %w", err)
		}
	}
	return nil
}

func (l *Ledger) insertHolds(ctx context.Context, db store.DBTX, changes *meter.Changes, quote quoted) error {
	for _, hold := range changes.MadeHolds {
		params := &store.HoldInsertParams{
			ID: uuid.UUID(hold.ID), AccountID: uuid.UUID(changes.Account.ID), BuildID: idOrNull(hold.BuildID),
			Operation: string(hold.Operation), Seconds: hold.Seconds,
			Day: hold.Day, CreateTime: hold.CreateTime, ExpireTime: hold.ExpireTime,
			MaxSeconds: hold.Max, ProjectSize: string(quote.size), QuotedSeconds: quote.seconds,
		}
		params.GrantIds, params.GrantSeconds = columns(hold.Shares)
		if err := l.queries.HoldInsert(ctx, db, params); err != nil {
			return fmt.Errorf("insert hold: %w", err)
		}
	}
	return nil
}

func (l *Ledger) updateHolds(ctx context.Context, db store.DBTX, changes *meter.Changes) error {
	accountID := uuid.UUID(changes.Account.ID)
	for _, hold := range changes.Extended {
		params := &store.HoldExtendIfOpenParams{
			ID: uuid.UUID(hold.ID), AccountID: accountID, Seconds: hold.Seconds, ExpireTime: hold.ExpireTime,
		}
		params.GrantIds, params.GrantSeconds = columns(hold.Shares)
		rows, err := l.queries.HoldExtendIfOpen(ctx, db, params)
		if err := oneRow(rows, err); err != nil {
			return fmt.Errorf("extend hold: %w", err)
		}
	}
	for _, hold := range changes.Holds {
		rows, err := l.queries.HoldSettleIfState(ctx, db, &store.HoldSettleIfStateParams{
			ID: uuid.UUID(hold.ID), AccountID: accountID, State: string(hold.State),
			SettleTime: timeOrNull(hold.SettleTime), Outcome: textOrNull(string(hold.Outcome)),
			ChargedSeconds: hold.Charged,
		})
		if err := oneRow(rows, err); err != nil {
			return fmt.Errorf("settle hold: %w", err)
		}
	}
	return nil
}

func (l *Ledger) saveJournal(ctx context.Context, db store.DBTX, rows []*store.JournalInsertParams) error {
	for _, row := range rows {
		if err := l.queries.JournalInsert(ctx, db, row); err != nil {
			return fmt.Errorf("insert journal row: %w", err)
		}
	}
	return nil
}

func journalParams(entry *meter.Entry) *store.JournalInsertParams {
	sum := entry.Sum()
	params := &store.JournalInsertParams{
		AccountID: uuid.UUID(entry.AccountID), Seq: entry.Seq, Kind: string(entry.Kind), CreateTime: entry.Time,
		IdempotencyKey: textOrNull(entry.Key), HoldID: idOrNull(entry.HoldID), BuildID: idOrNull(entry.BuildID),
		Operation: textOrNull(string(entry.Operation)), Outcome: textOrNull(string(entry.Outcome)),
		ActiveMs: entry.ActiveMillis, BillableSeconds: entry.Billable, ShortfallSeconds: entry.Shortfall,
		CostMicros:   entry.CostMicros,
		GrantedDelta: sum.Free + sum.Held + sum.Consumed + sum.Lapsed,
		FreeDelta:    sum.Free, HeldDelta: sum.Held, ConsumedDelta: sum.Consumed, LapsedDelta: sum.Lapsed,
		Lines: entry.LinesJSON(), Balance: entry.BalanceJSON(), PrevHash: entry.Prev[:], Hash: entry.Hash[:],
		ExpireTime: timeOrNull(entry.ExpireTime), Reason: entry.Reason,
	}
	if entry.Fingerprint != (meter.Hash{}) {
		params.Fingerprint = entry.Fingerprint[:]
	}
	return params
}

func (l *Ledger) saveUsage(ctx context.Context, db store.DBTX, changes *meter.Changes) error {
	if changes.Usage == nil {
		return nil
	}
	err := l.queries.UsageAdd(ctx, db, &store.UsageAddParams{
		AccountID: uuid.UUID(changes.Account.ID), Day: changes.Usage.Day, Operation: string(changes.Usage.Operation),
		ConsumedSeconds: changes.Usage.Consumed, CostMicros: changes.Usage.CostMicros,
	})
	if err != nil {
		return fmt.Errorf("add usage: %w", err)
	}
	return nil
}

func (l *Ledger) saveAccount(ctx context.Context, db store.DBTX, changes *meter.Changes) error {
	account := &changes.Account
	rows, err := l.queries.AccountUpdateIfSeq(ctx, db, &store.AccountUpdateIfSeqParams{
		ID: uuid.UUID(account.ID), ExpectedSeq: account.Seq - int64(len(changes.Entries)),
		Welcomed: account.Welcomed, GiftUntil: timeOrNull(account.GiftUntil), LastTime: account.LastTime,
		NextDue: timeOrNull(account.NextDue), Seq: account.Seq, ChainHead: account.Head[:],
		GrantedSeconds: account.Granted, FreeSeconds: account.Free, HeldSeconds: account.Held,
		ConsumedSeconds: account.Consumed, LapsedSeconds: account.Lapsed, ShortfallSeconds: account.Shortfall,
	})
	if err := oneRow(rows, err); err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	return nil
}

// columns splits a hold's provenance into its two columns.
func columns(shares []meter.Share) (grants []uuid.UUID, seconds []int64) {
	for _, share := range shares {
		grants = append(grants, uuid.UUID(share.GrantID))
		seconds = append(seconds, share.Seconds)
	}
	return grants, seconds
}

func oneRow(rows int64, err error) error {
	if err == nil && rows != 1 {
		return errLostLock
	}
	return err
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func idOrNull(id meter.ID) *uuid.UUID {
	if id == (meter.ID{}) {
		return nil
	}
	converted := uuid.UUID(id)
	return &converted
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
