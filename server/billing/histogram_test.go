package billing

import (
	"testing"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

func TestPercentilesAreNearestRanks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		histogram histogram
		want      percentiles
	}{
		"nothing":       {histogram{}, percentiles{}},
		"one":           {histogram{70: 1}, percentiles{1, 70, 70}},
		"two":           {histogram{10: 1, 90: 1}, percentiles{2, 10, 90}},
		"19 of 20":      {histogram{10: 19, 500: 1}, percentiles{20, 10, 10}},
		"18 of 19":      {histogram{10: 18, 500: 1}, percentiles{19, 10, 500}},
		"all the same":  {histogram{40: 1000}, percentiles{1000, 40, 40}},
		"a flat spread": {histogram{10: 25, 20: 25, 30: 25, 40: 20, 50: 5}, percentiles{100, 20, 40}},
	} {
		if got := test.histogram.percentiles(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestEstimateFromTheBestSeries(t *testing.T) {
	t.Parallel()
	row := func(operation meter.Operation, size Size, seconds, samples int64) *store.EstimateCountsRow {
		return &store.EstimateCountsRow{Operation: string(operation), ProjectSize: string(size), Seconds: seconds, Samples: samples}
	}
	h := newHistory([]*store.EstimateCountsRow{
		row(meter.MainBuild, SizeMedium, 90, 8), row(meter.MainBuild, SizeMedium, 410, 2), row(meter.MainBuild, SizeMedium, 90, 1),
		row(meter.MainBuild, SizeSmall, 30, 3),
		row(meter.Update, SizeLarge, 50, 2), row(meter.Update, SizeSmall, 50, 1),
		row(meter.MetadataGeneration, SizeMedium, 0, 4),
	})
	for name, test := range map[string]struct {
		operation meter.Operation
		size      Size
		update    bool
		want      Estimate
	}{
		"own history":                   {meter.MainBuild, SizeMedium, false, Estimate{meter.MainBuild, 90, 410, 11}},
		"own history, unknown size":     {meter.MainBuild, "", false, Estimate{meter.MainBuild, 90, 410, 11}},
		"own history of a change":       {meter.MainBuild, SizeMedium, true, Estimate{meter.MainBuild, 70, 290, 11}},
		"too little of the size":        {meter.MainBuild, SizeSmall, false, Estimate{meter.MainBuild, 80, 330, 14}},
		"nothing of the size":           {meter.MainBuild, SizeLarge, false, Estimate{meter.MainBuild, 120, 540, 14}},
		"nothing of the size, a change": {meter.MainBuild, SizeLarge, true, Estimate{meter.MainBuild, 90, 380, 14}},
		"too little of the operation":   {meter.Update, SizeMedium, false, Estimate{meter.Update, 120, 120, 3}},
		"too little, large":             {meter.Update, SizeLarge, true, Estimate{meter.Update, 160, 160, 3}},
		"no time at all":                {meter.MetadataGeneration, SizeMedium, false, Estimate{meter.MetadataGeneration, 10, 10, 4}},
	} {
		if got := h.estimate(test.operation, test.size, test.update); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	for _, operation := range []meter.Operation{meter.MainBuild, meter.Update, meter.MetadataGeneration} {
		for _, size := range []Size{SizeSmall, SizeMedium, SizeLarge} {
			if got, want := (history{}).estimate(operation, size, true), NewEstimate(operation, size, true); got != want {
				t.Errorf("without history: %+v, want %+v", got, want)
			}
		}
	}
}
