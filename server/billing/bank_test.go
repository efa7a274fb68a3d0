package billing_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
)

// bank is a payment provider that keeps to what providers promise: a key that
// comes again gets the answer of the first time, and one that comes while the
// first is still worked on is told to come later.
type bank struct {
	t *testing.T

	mu      sync.Mutex
	script  []reply
	open    map[uuid.UUID]bool
	orders  map[uuid.UUID]billing.PaymentOrder
	refused map[uuid.UUID]string
	charges []billing.PaymentOrder
	calls   int
}

// reply is what the bank does with a call. The zero value charges.
type reply struct {
	// decline is the code of a refusal.
	decline string
	// err is returned instead of the answer: before anything was done, or after.
	before, after error
	// charging runs before the money is taken, charged after it.
	charging, charged func()
}

func newBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{t: t, open: map[uuid.UUID]bool{}, orders: map[uuid.UUID]billing.PaymentOrder{}, refused: map[uuid.UUID]string{}}
	t.Cleanup(func() {
		if len(b.script) > 0 {
			t.Errorf("%d scripted answers were not asked for", len(b.script))
		}
	})
	return b
}

// will adds answers for the next calls; after them, the bank charges.
func (b *bank) will(answers ...reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = append(b.script, answers...)
}

func (*bank) Name() string { return "bank" }

func (*bank) Checkout(context.Context, billing.PaymentOrder) (*billing.Checkout, error) {
	return nil, billing.ErrPaymentsOff
}

func (*bank) Event(http.Header, []byte, time.Time) (*billing.PaymentEvent, error) {
	return nil, billing.ErrPaymentSignature
}

func (b *bank) Charge(ctx context.Context, order billing.PaymentOrder) (*billing.Charge, error) {
	next, err := b.enter(order)
	if err != nil {
		return nil, err
	}
	defer b.leave(order.PurchaseID)
	if next.before != nil {
		return nil, next.before
	}
	if next.charging != nil {
		next.charging()
	}
	if code := b.decide(order, next.decline); code != "" {
		return nil, &billing.DeclinedError{Code: code}
	}
	if next.charged != nil {
		next.charged()
	}
	if next.after != nil {
		return nil, next.after
	}
	return &billing.Charge{ID: "ch_" + order.PurchaseID.String()}, ctx.Err()
}

func (b *bank) enter(order billing.PaymentOrder) (reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.open[order.PurchaseID] {
		return reply{}, fmt.Errorf("key is in use: %w", billing.ErrPaymentsAway)
	}
	if first, known := b.orders[order.PurchaseID]; known && first != order {
		b.t.Errorf("key of %+v comes again with %+v", first, order)
	}
	b.open[order.PurchaseID], b.orders[order.PurchaseID] = true, order
	if len(b.script) == 0 {
		return reply{}, nil
	}
	next := b.script[0]
	b.script = b.script[1:]
	return next, nil
}

func (b *bank) leave(key uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, key)
}

// decide charges or refuses, once per key.
func (b *bank) decide(order billing.PaymentOrder, code string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, charge := range b.charges {
		if charge.PurchaseID == order.PurchaseID {
			return ""
		}
	}
	if b.refused[order.PurchaseID] != "" {
		return b.refused[order.PurchaseID]
	}
	if code != "" {
		b.refused[order.PurchaseID] = code
		return code
	}
	b.charges = append(b.charges, order)
	return ""
}

// wantCharges compares the sums that were taken, in micro-units, in order.
func (b *bank) wantCharges(sums ...int64) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := make([]int64, 0, len(b.charges))
	for _, charge := range b.charges {
		got = append(got, charge.PriceMicros)
	}
	if fmt.Sprint(got) != fmt.Sprint(append([]int64{}, sums...)) {
		b.t.Errorf("charged %v, want %v", got, sums)
	}
}

func (b *bank) wantCalls(n int) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls != n {
		b.t.Errorf("%d calls, want %d", b.calls, n)
	}
}
