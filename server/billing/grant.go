package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// errNoLine is a grant entry without its line.
var errNoLine = errors.New("journal row of a grant has no line")

// Grant gives seconds to an account, in the caller's transaction, and returns
// the grant and the balance after it. The key is required; the same request
// again returns the first answer. It returns [ErrKeyReused] and [ErrInvalid].
func (l *Ledger) Grant(ctx context.Context, tx pgx.Tx, request GrantRequest) (*Credit, *Balance, error) {
	if len(request.Key) < 1 || len(request.Key) > maxKey {
		return nil, nil, fmt.Errorf("grant with a key of %d bytes: %w", len(request.Key), ErrInvalid)
	}
	if err := l.lock(ctx, tx, request.AccountID); err != nil {
		return nil, nil, err
	}
	entry, err := l.answered(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	if entry != nil {
		return l.granted(ctx, tx, request.AccountID, entry)
	}
	book, err := l.openAccount(ctx, tx, request.AccountID)
	if err != nil {
		return nil, nil, err
	}
	grantID, err := newID()
	if err != nil {
		return nil, nil, err
	}
	grant, err := book.Grant(meter.GrantRequest{
		GrantID: grantID, Kind: request.Kind, Source: meter.SourceAdmin, Seconds: request.Seconds,
		ExpireTime: request.ExpireTime, Reason: request.Reason,
		Key: request.Key, Fingerprint: request.fingerprint(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("grant: %w", err)
	}
	balance := book.Balance()
	return &grant, &balance, l.save(ctx, tx, book)
}

// granted gives the first answer of a grant again: the grant as it was made.
func (l *Ledger) granted(
	ctx context.Context, tx pgx.Tx, accountID uuid.UUID, entry *meter.Entry,
) (*Credit, *Balance, error) {
	if len(entry.Lines) != 1 {
		return nil, nil, errNoLine
	}
	row, err := l.queries.GrantByID(ctx, tx, &store.GrantByIDParams{
		ID: uuid.UUID(entry.Lines[0].GrantID), AccountID: accountID,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read grant: %w", err)
	}
	return &Credit{
		ID: meter.ID(row.ID), Kind: meter.Kind(row.Kind), Source: meter.Source(row.Source), Reason: row.Reason,
		Seconds: row.Seconds, Free: row.Seconds,
		CreateTime: row.CreateTime.UTC(), ExpireTime: timeOrZero(row.ExpireTime),
	}, &entry.Balance, nil
}
