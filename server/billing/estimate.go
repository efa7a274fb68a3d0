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

// known is the size itself, or medium for one that is none.
func (s Size) known() Size {
	if s == SizeSmall || s == SizeLarge {
		return s
	}
	return SizeMedium
}

// tenths is the size's factor. Tenths keep the factors exact.
func (s Size) tenths() int64 {
	switch s {
	case SizeLarge:
		return 13
	case SizeSmall:
		return 8
	case SizeMedium:
	}
	return 10
}

// Confidence says how far an estimate can be trusted.
type Confidence string

// The degrees of confidence.
const (
	ConfidenceLow    Confidence = "low"
	ConfidenceMedium Confidence = "medium"
	ConfidenceHigh   Confidence = "high"
)

// confidenceOf is high above 10 samples and medium above 3.
func confidenceOf(samples int64) Confidence {
	switch {
	case samples > 10:
		return ConfidenceHigh
	case samples > 3:
		return ConfidenceMedium
	}
	return ConfidenceLow
}

// Estimate is how long an operation is expected to take.
type Estimate struct {
	Operation meter.Operation
	// P50 and P95 are the median and the 95th percentile in seconds, multiples
	// of 10 from 10 on.
	P50, P95 int64
	// Samples is the number of measured operations that are known. Up to 3 of
	// them are too few, and the percentiles are the default.
	Samples int64
}

// Confidence is high above 10 samples and medium above 3.
func (e Estimate) Confidence() Confidence { return confidenceOf(e.Samples) }

// NewEstimate returns the default estimate for an operation, which is both of
// its percentiles: 180 s for a main build, 30 s for metadata, 120 s for an
// update; ×1.3 for a large project, ×0.8 for a small one, ×0.7 where another
// operation than update changes an existing site; rounded up to 10 s.
func NewEstimate(operation meter.Operation, size Size, update bool) Estimate {
	usual := defaultSeconds(operation)
	return Estimate{Operation: operation, P50: usual, P95: usual}.scaled(size.tenths(), updateTenths(operation, update))
}

// scaled applies two factors and rounds up to 10 s.
func (e Estimate) scaled(sizeTenths, updateTenths int64) Estimate {
	for _, seconds := range []*int64{&e.P50, &e.P95} {
		*seconds = max((*seconds*sizeTenths*updateTenths+999)/1000, 1) * 10
	}
	return e
}

func updateTenths(operation meter.Operation, update bool) int64 {
	if update && operation != meter.Update {
		return 7
	}
	return 10
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
