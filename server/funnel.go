package server

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

const (
	// funnelEvery is how often is measured what becomes of recommendations, in all
	// nodes together.
	funnelEvery = 5 * time.Minute
	// funnelTimeout ends a measurement that would be a burden.
	funnelTimeout = 30 * time.Second
)

// funnelArgs is the job that measures what becomes of recommendations. It changes
// nothing.
type funnelArgs struct{}

// Kind implements [river.JobArgs].
func (funnelArgs) Kind() string { return "recommendation_funnel" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. One that fails is not
// repeated: the next is not far.
func (funnelArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByPeriod: funnelEvery}}
}

// periodicFunnel also runs at a start, unless the period has had its run.
func periodicFunnel() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(funnelEvery),
		func() (river.JobArgs, *river.InsertOpts) { return funnelArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

type funnelWorker struct {
	river.WorkerDefaults[funnelArgs]

	db                                     *store.DB
	shown, notShown, accepted, p50, gauged prometheus.Gauge
}

func newFunnelWorker(db *store.DB, registry prometheus.Registerer) *funnelWorker {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sheen_recommendations_" + name,
			Help: help + " Of builds of the last 24 hours, as this node measured it last; NaN for nothing to tell of.",
		})
		g.Set(math.NaN())
		registry.MustRegister(g)
		return g
	}
	w := &funnelWorker{
		db:       db,
		shown:    gauge("shown_ratio", "The share of lists of AI recommendations that were on the screen."),
		notShown: gauge("not_shown_ratio", "The share of lists of AI recommendations that nobody saw."),
		accepted: gauge("accepted_ratio", "The share of lists on the screen of which something was chosen."),
		p50: gauge("after_build_p50_seconds",
			"The median of how long after the end of its build a list was ready, 0 for one that was ready before."),
		gauged: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sheen_recommendations_measured_timestamp_seconds",
			Help: "When this node last measured that, in Unix time; 0 for not yet. Of several nodes, believe the latest.",
		}),
	}
	registry.MustRegister(w.gauged)
	return w
}

// Timeout implements [river.Worker].
func (*funnelWorker) Timeout(*river.Job[funnelArgs]) time.Duration { return funnelTimeout }

// Work implements [river.Worker].
func (w *funnelWorker) Work(ctx context.Context, _ *river.Job[funnelArgs]) error {
	funnel, err := recommend.Measure(ctx, w.db)
	if err != nil {
		return err
	}
	w.shown.Set(funnel.ShownRatio)
	w.notShown.Set(funnel.NotShownRatio)
	w.accepted.Set(funnel.AcceptedRatio)
	w.p50.Set(funnel.AfterBuildP50)
	w.gauged.SetToCurrentTime()
	return nil
}
