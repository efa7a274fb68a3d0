package meter

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// expiringFirst is how the configuration names [ExpiringFirst].
const expiringFirst = "expiring-first"

// Order is the order in which grants are burned. The zero value is not usable;
// take [DefaultOrder], [ExpiringFirst] or [ParseOrder].
type Order struct {
	kinds    []Kind
	byExpiry bool
}

// DefaultOrder burns welcome, daily, subscription, compensation, promo,
// package; inside a kind the soonest to expire first, then the oldest.
func DefaultOrder() Order {
	return Order{kinds: Kinds()}
}

// ExpiringFirst burns what expires soonest first and what never expires last.
// Grants that end together burn in the default order of kinds.
func ExpiringFirst() Order {
	return Order{kinds: Kinds(), byExpiry: true}
}

// ParseOrder reads an order from configuration: "expiring-first", or all six
// kinds separated by commas. The empty string is the default order.
func ParseOrder(text string) (Order, error) {
	switch text {
	case "":
		return DefaultOrder(), nil
	case expiringFirst:
		return ExpiringFirst(), nil
	}
	var kinds []Kind
	for name := range strings.SplitSeq(text, ",") {
		kind := Kind(strings.TrimSpace(name))
		if !kind.Valid() {
			return Order{}, fmt.Errorf("burn order: unknown kind %q", kind)
		}
		if slices.Contains(kinds, kind) {
			return Order{}, fmt.Errorf("burn order: %q stands twice", kind)
		}
		kinds = append(kinds, kind)
	}
	if want := len(Kinds()); len(kinds) != want {
		return Order{}, fmt.Errorf("burn order: %d kinds, want all %d", len(kinds), want)
	}
	return Order{kinds: kinds}, nil
}

// String returns the text that [ParseOrder] reads.
func (o Order) String() string {
	if o.byExpiry {
		return expiringFirst
	}
	names := make([]string, len(o.kinds))
	for i, kind := range o.kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ",")
}

// compare is negative where a burns before b. The id decides last, so the
// order is total and every node burns alike.
func (o Order) compare(a, b Grant) int {
	rank := cmp.Compare(slices.Index(o.kinds, a.Kind), slices.Index(o.kinds, b.Kind))
	expiry := compareExpiry(a.ExpireTime, b.ExpireTime)
	if o.byExpiry {
		rank, expiry = expiry, rank
	}
	return cmp.Or(rank, expiry, a.CreateTime.Compare(b.CreateTime), bytes.Compare(a.ID[:], b.ID[:]))
}

// compareExpiry sorts the zero time, which means never, last.
func compareExpiry(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}
