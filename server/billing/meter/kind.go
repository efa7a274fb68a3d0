package meter

import "maps"

// Kind says where a grant comes from. It decides when the grant is burned.
type Kind string

// The kinds of grants.
const (
	Welcome      Kind = "welcome"
	Daily        Kind = "daily"
	Subscription Kind = "subscription"
	Package      Kind = "package"
	Promo        Kind = "promo"
	Compensation Kind = "compensation"
)

// Kinds returns every kind in the default burn order.
func Kinds() []Kind {
	return []Kind{Welcome, Daily, Subscription, Compensation, Promo, Package}
}

// Valid reports whether k is one of the kinds of this package.
func (k Kind) Valid() bool {
	switch k {
	case Welcome, Daily, Subscription, Package, Promo, Compensation:
		return true
	}
	return false
}

// Amounts are seconds by kind. A kind that is absent has 0; no stored amount
// is 0, so that equal amounts compare equal.
type Amounts map[Kind]int64

// Total returns the sum over all kinds.
func (a Amounts) Total() int64 {
	var sum int64
	for _, seconds := range a {
		sum += seconds
	}
	return sum
}

func (a Amounts) clone() Amounts {
	if a == nil {
		return Amounts{}
	}
	return maps.Clone(a)
}

func (a Amounts) add(k Kind, seconds int64) {
	if a[k] += seconds; a[k] == 0 {
		delete(a, k)
	}
}
