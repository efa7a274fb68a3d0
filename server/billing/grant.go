package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// errNoLine is a grant entry without its line.
var errNoLine = errors.New("journal row of a grant has no line")

// Grant gives seconds to an account, in the caller's transaction, and returns
// the grant and the balance after it. The key is required; the same request
// again returns the first answer. It returns [ErrKeyReused] and [ErrInvalid].
func (l *Ledger) Grant(ctx context.Context, tx store.Tx, request GrantRequest) (*Credit, *Balance, error) {
	if len(request.Key) < 1 || len(request.Key) > maxKey {
		return nil, nil, fmt.Errorf("grant with a key of %d bytes: %w", len(request.Key), ErrInvalid)
	}
	found, err := l.begin(ctx, tx, request.AccountID, request.Key, request.fingerprint())
	if err != nil {
		return nil, nil, err
	}
	if found.answer != nil {
		return l.granted(ctx, tx, found.answer)
	}
	grantID, err := newID()
	if err != nil {
		return nil, nil, err
	}
	grant, err := found.book.Grant(meter.GrantRequest{
		GrantID: grantID, Kind: request.Kind, Source: cmp.Or(request.Source, meter.SourceAdmin), Seconds: request.Seconds,
		ExpireTime: request.ExpireTime, Reason: request.Reason,
		Key: request.Key, Fingerprint: request.fingerprint(),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("grant: %w", err)
	}
	balance := found.book.Balance()
	return &grant, &balance, l.save(ctx, tx, found.book)
}

// granted gives the first answer of a grant again: the grant as it was made.
func (l *Ledger) granted(ctx context.Context, db store.DBTX, entry *meter.Entry) (*Credit, *Balance, error) {
	if len(entry.Lines) != 1 {
		return nil, nil, errNoLine
	}
	row, err := l.queries.GrantByID(ctx, db, &store.GrantByIDParams{
		ID: uuid.UUID(entry.Lines[0].GrantID), AccountID: uuid.UUID(entry.AccountID),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read grant: %w", err)
	}
	grant := grantFromRow(row)
	grant.Free, grant.Held, grant.Consumed, grant.Lapsed = grant.Seconds, 0, 0, 0
	grant.VoidTime = time.Time{}
	return &grant, &entry.Balance, nil
}
