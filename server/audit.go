package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/store"
)

const (
	// auditEvery is how often the ledger is audited, in all nodes together.
	auditEvery = time.Hour
	// auditJobTimeout ends an audit that takes too long to be of use.
	auditJobTimeout = 20 * time.Minute
)

// auditArgs is the job that audits the ledger. It changes nothing.
type auditArgs struct{}

// Kind implements [river.JobArgs].
func (auditArgs) Kind() string { return "ledger_audit" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. One that fails is not
// repeated: the next is not far.
func (auditArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByPeriod: auditEvery}}
}

// periodicAudit also runs at a start, unless the hour has had its audit: nodes
// that are replaced often would not run it otherwise.
func periodicAudit() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(auditEvery),
		func() (river.JobArgs, *river.InsertOpts) { return auditArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}

// auditWorker audits the ledger and tells whoever watches over it.
type auditWorker struct {
	river.WorkerDefaults[auditArgs]

	db         *store.DB
	violations *prometheus.GaugeVec
	audited    prometheus.Gauge
	log        *slog.Logger
}

func newAuditWorker(db *store.DB, registry prometheus.Registerer, log *slog.Logger) *auditWorker {
	w := &auditWorker{
		db: db,
		violations: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sheen_ledger_violations",
			Help: "Contradictions that this node's last audit of the ledger found, by rule. The first of each rule are counted.",
		}, []string{"rule"}),
		audited: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sheen_ledger_audit_timestamp_seconds",
			Help: "When this node last audited the ledger, in Unix time; 0 for not yet. Of several nodes, believe the latest.",
		}),
		log: log,
	}
	registry.MustRegister(w.violations, w.audited)
	return w
}

// Timeout implements [river.Worker].
func (*auditWorker) Timeout(*river.Job[auditArgs]) time.Duration { return auditJobTimeout }

// Work implements [river.Worker].
func (w *auditWorker) Work(ctx context.Context, _ *river.Job[auditArgs]) error {
	violations, err := billing.Audit(ctx, w.db, uuid.Nil)
	if err != nil {
		return err
	}
	found := map[string][]billing.Violation{}
	for _, violation := range violations {
		found[violation.Rule] = append(found[violation.Rule], violation)
	}
	for _, rule := range billing.Rules() {
		broken := found[rule]
		w.violations.WithLabelValues(rule).Set(float64(len(broken)))
		if len(broken) > 0 {
			w.log.ErrorContext(ctx, "the ledger contradicts itself", "rule", rule, "violations", len(broken),
				"account_id", broken[0].AccountID, "description", broken[0].Description)
		}
	}
	w.audited.SetToCurrentTime()
	return nil
}
