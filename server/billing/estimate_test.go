package billing

import (
	"testing"

	"github.com/sheenapps/sheen/server/billing/meter"
)

func TestNewEstimate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		operation meter.Operation
		size      Size
		update    bool
		want      int64
	}{
		{meter.MainBuild, SizeMedium, false, 180},
		{meter.MainBuild, SizeLarge, false, 240},
		{meter.MainBuild, SizeSmall, false, 150},
		{meter.MainBuild, SizeMedium, true, 130},
		{meter.MainBuild, SizeLarge, true, 170},
		{meter.Update, SizeMedium, false, 120},
		{meter.Update, SizeMedium, true, 120},
		{meter.Update, SizeLarge, true, 160},
		{meter.MetadataGeneration, SizeMedium, false, 30},
		{meter.MetadataGeneration, SizeSmall, true, 20},
		{meter.MainBuild, "", false, 180},
	} {
		got := NewEstimate(test.operation, test.size, test.update)
		if got.P50 != test.want || got.P95 != test.want || got.Samples != 0 || got.Confidence() != ConfidenceLow {
			t.Errorf("%s %s, update %t: %+v, want %d", test.operation, test.size, test.update, got, test.want)
		}
	}
}

func TestConfidence(t *testing.T) {
	t.Parallel()
	for samples, want := range map[int64]Confidence{
		0: ConfidenceLow, 3: ConfidenceLow, 4: ConfidenceMedium, 10: ConfidenceMedium, 11: ConfidenceHigh,
	} {
		if got := (Estimate{Samples: samples}).Confidence(); got != want {
			t.Errorf("%d samples: %s, want %s", samples, got, want)
		}
	}
}

func TestRecommend(t *testing.T) {
	t.Parallel()
	packages := []Package{{ID: "maxi", Seconds: 36_000}, {ID: "mini", Seconds: 3_600}, {ID: "midi", Seconds: 7_200}}
	for missing, want := range map[int64]string{
		1: "mini", 3_000: "mini", 3_001: "midi", 6_000: "midi", 6_001: "maxi", 99_999: "maxi",
	} {
		if got := recommend(packages, missing); got.ID != want {
			t.Errorf("%d s missing: %s, want %s", missing, got.ID, want)
		}
	}
	if got := recommend(nil, 10); got != nil {
		t.Errorf("nothing to sell, %s recommended", got.ID)
	}
}
