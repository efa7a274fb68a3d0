package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// takeOrGiveBack makes the purchase's grants hold as many seconds as are paid
// for: it takes back what is not, also of what is held once that returns, and gives
// again what a won dispute had taken. What was used stays; the note of the event
// says how much. What an admin took stays taken.
func (p *Purchases) takeOrGiveBack(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent, wasDisputed bool,
) error {
	grants, err := p.queries.GrantsByIDs(ctx, tx, &store.GrantsByIDsParams{
		AccountID: purchase.AccountID, Ids: append([]uuid.UUID{*purchase.GrantID}, purchase.RestoredGrantIds...),
	})
	if err != nil {
		return fmt.Errorf("read grants of purchase: %w", err)
	}
	var has int64
	for _, grant := range grants {
		has += grant.Seconds - grant.LapsedSeconds - grant.OwedSeconds
	}
	if purchase.State == purchaseDisputed && !wasDisputed {
		purchase.DisputedSeconds = has
	}
	due := paidSeconds(purchase)
	if has < due {
		if back := min(due, purchase.DisputedSeconds) - has; wasDisputed && back > 0 {
			return p.giveBack(ctx, tx, purchase, event, grants, back)
		}
		return nil
	}
	rest, err := p.takeBack(ctx, tx, purchase, event, grants, has-due)
	if err != nil || rest == 0 {
		return err
	}
	p.log.WarnContext(ctx, "seconds of a purchase could not be taken back", "purchase", purchase.ID, "seconds", rest)
	return p.note(ctx, tx, event, fmt.Sprintf("%d s were used, or are held and go if they return", rest))
}

func (p *Purchases) note(ctx context.Context, db store.DBTX, event *store.PaymentEvent, note string) error {
	err := p.queries.PaymentEventNote(ctx, db, &store.PaymentEventNoteParams{
		Provider: event.Provider, ID: event.ID, Note: note,
	})
	if err != nil {
		return fmt.Errorf("note payment event: %w", err)
	}
	return nil
}

// paidSeconds is what of a purchase is paid for: nothing while it is disputed,
// else all but the part that was refunded, which is rounded down.
func paidSeconds(purchase *store.Purchase) int64 {
	if purchase.State == purchaseDisputed {
		return 0
	}
	return purchase.Seconds - refundedSeconds(purchase.Seconds, purchase.RefundedMicros, purchase.PriceMicros)
}

// refundedSeconds is the share of the seconds that the refund is of the price,
// rounded down. The product can exceed 64 bits.
func refundedSeconds(seconds, refunded, price int64) int64 {
	product := new(big.Int).Mul(big.NewInt(seconds), big.NewInt(refunded))
	return product.Quo(product, big.NewInt(price)).Int64()
}

// takeBack takes seconds from the grants and returns what was not free. It ends
// the grants of a purchase that was refunded whole; a dispute may still be won.
func (p *Purchases) takeBack(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent,
	grants []*store.CreditGrant, seconds int64,
) (rest int64, err error) {
	whole := purchase.State == purchaseRefunded
	parts := partsToTake(grants, seconds)
	for i, grant := range grants {
		request := VoidRequest{
			AccountID: purchase.AccountID, GrantID: grant.ID, Seconds: parts[i],
			Key: changeKey(event, grant.ID), Reason: event.Kind + ": purchase " + purchase.ID.String(),
		}
		switch {
		case whole && grant.VoidTime == nil:
			request.Seconds = 0
		case request.Seconds == 0:
			continue
		}
		voided, _, err := p.ledger.Void(ctx, tx, request)
		if err != nil {
			return 0, fmt.Errorf("take back purchase %s: %w", purchase.ID, err)
		}
		seconds -= voided.Seconds
	}
	return seconds, nil
}

// partsToTake says how much to take of each grant: what is free of any of them
// before what is held, which may still be used.
func partsToTake(grants []*store.CreditGrant, seconds int64) []int64 {
	parts := make([]int64, len(grants))
	take := func(i int, most int64) {
		part := min(seconds, most)
		parts[i] += part
		seconds -= part
	}
	for i, grant := range grants {
		take(i, grant.FreeSeconds)
	}
	for i, grant := range grants {
		take(i, grant.HeldSeconds-grant.OwedSeconds)
	}
	return parts
}

// giveBack gives again what was taken: what is still held is not owed any more,
// and the rest is granted, to the same end. What would have ended by now stays
// away.
func (p *Purchases) giveBack(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent,
	grants []*store.CreditGrant, seconds int64,
) error {
	for _, grant := range grants {
		part := min(seconds, grant.OwedSeconds)
		if part == 0 || grant.VoidTime != nil {
			continue
		}
		rows, err := p.queries.GrantForgive(ctx, tx, &store.GrantForgiveParams{
			ID: grant.ID, AccountID: purchase.AccountID, Seconds: part,
		})
		if err := oneRow(rows, err); err != nil {
			return fmt.Errorf("give back held seconds of purchase %s: %w", purchase.ID, err)
		}
		seconds -= part
	}
	if seconds == 0 {
		return nil
	}
	request := PurchaseGrant(purchase, *purchase.PaidTime)
	request.Key, request.Seconds = changeKey(event, purchase.ID), seconds
	request.Reason = event.Kind + ": purchase " + purchase.ID.String()
	if end := request.ExpireTime; !end.IsZero() {
		now, err := p.ledger.now(ctx, tx)
		if err != nil {
			return err
		}
		if !end.After(now) {
			return p.note(ctx, tx, event, fmt.Sprintf("%d s have lapsed with the purchase, at %s", seconds, end.UTC().Format(time.RFC3339)))
		}
	}
	grant, _, err := p.ledger.Grant(ctx, tx, request)
	if err != nil {
		return fmt.Errorf("give back purchase %s: %w", purchase.ID, err)
	}
	purchase.RestoredGrantIds = append(purchase.RestoredGrantIds, uuid.UUID(grant.ID))
	return nil
}

// changeKey names what an event does to one grant. An event's id may be longer
// than a key.
func changeKey(event *store.PaymentEvent, id uuid.UUID) string {
	sum := sha256.Sum256([]byte(event.Provider + ":" + event.ID))
	return "payment:" + hex.EncodeToString(sum[:]) + ":" + id.String()
}
