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
// for: it takes back what is free of what is not, and gives again what a won
// dispute had taken. What was used stays; the note of the event says how much. What
// an admin took of a purchase that was not disputed stays taken.
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
		has += grant.Seconds - grant.LapsedSeconds
	}
	due := paidSeconds(purchase)
	switch {
	case has >= due:
	case wasDisputed:
		return p.giveBack(ctx, tx, purchase, event, due-has)
	default:
		return nil
	}
	rest, err := p.takeBack(ctx, tx, purchase, event, grants, has-due)
	if err != nil || rest == 0 {
		return err
	}
	p.log.WarnContext(ctx, "seconds of a purchase could not be taken back", "purchase", purchase.ID, "seconds", rest)
	return p.note(ctx, tx, event, fmt.Sprintf("%d s were used or are held, and stay", rest))
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

// takeBack takes free seconds from the grants and returns what there was not. It
// ends grants of which nothing is paid for any more.
func (p *Purchases) takeBack(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent,
	grants []*store.CreditGrant, seconds int64,
) (rest int64, err error) {
	whole := paidSeconds(purchase) == 0
	for _, grant := range grants {
		request := VoidRequest{
			AccountID: purchase.AccountID, GrantID: grant.ID, Seconds: min(seconds, grant.FreeSeconds),
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

// giveBack grants again what was taken, to the same end. What would have ended by
// now stays away.
func (p *Purchases) giveBack(
	ctx context.Context, tx store.Tx, purchase *store.Purchase, event *store.PaymentEvent, seconds int64,
) error {
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
