package billing

import "github.com/sheenapps/sheen/server/billing/meter"

// Size is how large a project is.
type Size string

// The sizes of projects. An unknown size counts as medium.
const (
	SizeSmall  Size = "small"
	SizeMedium Size = "medium"
	SizeLarge  Size = "large"
)

// Confidence says how far an estimate can be trusted.
type Confidence string

// The degrees of confidence.
const (
	ConfidenceLow    Confidence = "low"
	ConfidenceMedium Confidence = "medium"
	ConfidenceHigh   Confidence = "high"
)

// Estimate is how long an operation is expected to take.
type Estimate struct {
	Operation meter.Operation
	// Seconds are a multiple of 10.
	Seconds int64
	// Samples is the number of measured operations behind Seconds; 0 where it
	// is a default.
	Samples int64
}

// Confidence is high above 10 samples and medium above 3.
func (e Estimate) Confidence() Confidence {
	switch {
	case e.Samples > 10:
		return ConfidenceHigh
	case e.Samples > 3:
		return ConfidenceMedium
	}
	return ConfidenceLow
}

// NewEstimate returns the default estimate for an operation: 180 s for a main
// build, 30 s for metadata, 120 s for an update; ×1.3 for a large project, ×0.8
// for a small one, ×0.7 where another operation than update changes an existing
// site; rounded up to 10 s.
func NewEstimate(operation meter.Operation, size Size, update bool) Estimate {
	// Tenths keep the factors exact.
	sizeTenths, updateTenths := int64(10), int64(10)
	switch size {
	case SizeLarge:
		sizeTenths = 13
	case SizeSmall:
		sizeTenths = 8
	case SizeMedium:
	}
	if update && operation != meter.Update {
		updateTenths = 7
	}
	hundredths := defaultSeconds(operation) * sizeTenths * updateTenths
	return Estimate{Operation: operation, Seconds: (hundredths + 999) / 1000 * 10}
}

func defaultSeconds(operation meter.Operation) int64 {
	switch operation {
	case meter.MainBuild:
		return 180
	case meter.MetadataGeneration:
		return 30
	case meter.Update:
	}
	return 120
}
