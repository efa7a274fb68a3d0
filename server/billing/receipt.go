package billing

import "maps"

// total is the receipt of a build: that of its last commit, with the sums over
// all of its holds and the balance before the first. A build has one hold of its
// own; services may have reserved more for it. There is at least one receipt,
// and they are given oldest first.
func total(receipts []*Receipt) *Receipt {
	sum := *receipts[len(receipts)-1]
	sum.Before = receipts[0].Before
	sum.ByKind = maps.Clone(sum.ByKind)
	for _, receipt := range receipts[:len(receipts)-1] {
		sum.Active += receipt.Active
		sum.Billable += receipt.Billable
		sum.Charged += receipt.Charged
		sum.Shortfall += receipt.Shortfall
		sum.CostMicros += receipt.CostMicros
		sum.Late = sum.Late || receipt.Late
		for kind, seconds := range receipt.ByKind {
			sum.ByKind[kind] += seconds
		}
	}
	return &sum
}
