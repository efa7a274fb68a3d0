package recommend

import (
	"context"

	"github.com/sheenapps/sheen/store"
)

const (
	// funnelHours is how far back [Measure] looks.
	funnelHours = 24
	// funnelBuilds bounds what it reads, whatever the day brought: with six items
	// seen of each, ten thousand builds take a quarter of a second.
	funnelBuilds = 10_000
)

// Funnel says how useful recommendations were lately. What there is nothing to tell
// of is not a number.
type Funnel struct {
	// ShownRatio and NotShownRatio are of builds with a list, AcceptedRatio of those
	// whose list was on the screen.
	ShownRatio, NotShownRatio, AcceptedRatio float64
	// AfterBuildP50 is the median of how long after their build lists were ready,
	// in seconds; those that were ready before count as 0.
	AfterBuildP50 float64
}

// Measure tells of the builds of the last 24 hours, at most the newest ten thousand.
func Measure(ctx context.Context, db store.DBTX) (Funnel, error) {
	row, err := store.New().RecommendationRatios(ctx, db, &store.RecommendationRatiosParams{
		Hours: funnelHours, MaxBuilds: funnelBuilds,
	})
	if err != nil {
		return Funnel{}, err
	}
	return Funnel{
		ShownRatio: row.Shown, NotShownRatio: row.NotShown, AcceptedRatio: row.Accepted,
		AfterBuildP50: row.AfterBuildP50Seconds,
	}, nil
}
