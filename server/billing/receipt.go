package billing

import "maps"

// receiptPage is how many of a build's receipts are read at once.
const receiptPage = 100

// addReceipt adds the receipt of a build's next commit to the sum of those before
// it, which is nil for the first.
func addReceipt(sum, next *Receipt) *Receipt {
	if sum == nil {
		return next
	}
	added := *next
	added.Before = sum.Before
	added.Active += sum.Active
	added.Billable += sum.Billable
	added.Charged += sum.Charged
	added.Shortfall += sum.Shortfall
	added.CostMicros += sum.CostMicros
	added.Late = added.Late || sum.Late
	added.ByKind = maps.Clone(next.ByKind)
	for kind, seconds := range sum.ByKind {
		added.ByKind[kind] += seconds
	}
	return &added
}
