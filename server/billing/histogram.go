package billing

import (
	"maps"
	"slices"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// series is what is measured together: an operation on projects of one size, or
// of all sizes if the size is empty.
type series struct {
	operation meter.Operation
	size      Size
}

// histogram counts samples by their seconds, which are multiples of 10.
type histogram map[int64]int64

// percentiles are what a histogram says.
type percentiles struct {
	samples, p50, p95 int64
}

// percentiles are nearest ranks: the least time within which at least so many of
// the samples were done.
func (h histogram) percentiles() percentiles {
	var p percentiles
	for _, n := range h {
		p.samples += n
	}
	var seen int64
	for _, seconds := range slices.Sorted(maps.Keys(h)) {
		before := seen
		seen += h[seconds]
		for rank, at := range map[int64]*int64{50: &p.p50, 95: &p.p95} {
			if needed := (p.samples*rank + 99) / 100; before < needed && needed <= seen {
				*at = seconds
			}
		}
	}
	return p
}

// history is what was measured, by series.
type history map[series]percentiles

func newHistory(rows []*store.EstimateCountsRow) history {
	histograms := map[series]histogram{}
	for _, row := range rows {
		for _, size := range []Size{"", Size(row.ProjectSize)} {
			key := series{meter.Operation(row.Operation), size}
			if histograms[key] == nil {
				histograms[key] = histogram{}
			}
			histograms[key][row.Seconds] += row.Samples
		}
	}
	measured := make(history, len(histograms))
	for key, h := range histograms {
		measured[key] = h.percentiles()
	}
	return measured
}

// estimate takes the percentiles of the operation on projects of the size. If
// those are too few to be trusted, it takes those of all sizes with the size's
// factor, and then the default. Whether the operation changes a site is not
// measured; that factor applies to all.
func (h history) estimate(operation meter.Operation, size Size, update bool) Estimate {
	size = size.known()
	own, all := h[series{operation, size}], h[series{operation, ""}]
	switch {
	case confidenceOf(own.samples) != ConfidenceLow:
		return own.estimate(operation).scaled(SizeMedium.tenths(), updateTenths(operation, update))
	case confidenceOf(all.samples) != ConfidenceLow:
		return all.estimate(operation).scaled(size.tenths(), updateTenths(operation, update))
	}
	usual := NewEstimate(operation, size, update)
	usual.Samples = all.samples
	return usual
}

func (p percentiles) estimate(operation meter.Operation) Estimate {
	return Estimate{Operation: operation, P50: p.p50, P95: p.p95, Samples: p.samples}
}
