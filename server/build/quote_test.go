package build_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/build"
)

const (
	mainBuild = billingv1.Operation_OPERATION_MAIN_BUILD
	update    = billingv1.Operation_OPERATION_UPDATE
)

func (b *testBundle) quote(project string, operation billingv1.Operation) (*buildv1.Quote, error) {
	res, err := b.QuoteBuild(b.ctx(), &buildv1.QuoteBuildRequest{Prompt: "A site for my café", ProjectId: project, Operation: operation})
	return res.GetQuote(), err
}

func defaultQuote(seconds, spendable int64) *buildv1.Quote {
	return &buildv1.Quote{
		Estimate: &billingv1.Estimate{P50Seconds: seconds, P95Seconds: seconds, Confidence: billingv1.Confidence_CONFIDENCE_LOW},
		// A build may take so long, and three times the estimate is less.
		HoldSeconds: seconds, MaxSeconds: 900, SpendableSeconds: spendable, Sufficient: spendable >= seconds,
	}
}

// A quote says what a start would say, and does nothing.
func TestAQuoteIsWhatAStartSays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.counts()
	for _, operation := range []billingv1.Operation{mainBuild, billingv1.Operation_OPERATION_UNSPECIFIED} {
		got, err := b.quote("", operation)
		must(t, err)
		if want := defaultQuote(180, gifts); !proto.Equal(got, want) {
			t.Errorf("quoted %v\nwant   %v", got, want)
		}
	}
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	done := b.run(&script{})
	for operation, seconds := range map[billingv1.Operation]int64{mainBuild: 180, update: 100} {
		quoted, err := b.quote(done.GetProjectId(), operation)
		must(t, err)
		if want := defaultQuote(seconds, gifts-10); !proto.Equal(quoted, want) {
			t.Errorf("quoted %v\nwant   %v", quoted, want)
		}
		started, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A site for my café", ProjectId: done.GetProjectId(), Operation: operation})
		must(t, err)
		quoted.SpendableSeconds -= seconds
		if !proto.Equal(started.GetQuote(), quoted) {
			t.Errorf("started %v\nquoted  %v", started.GetQuote(), quoted)
		}
		if n := b.number(`SELECT count(*) FROM hold WHERE id = (SELECT hold_id FROM builds WHERE id = $1)
			AND seconds = $2 AND max_seconds = 900 AND quoted_seconds = $2`, uuid.MustParse(started.GetBuild().GetId()), seconds); n != 1 {
			t.Error("the hold is not what was quoted")
		}
		_, err = b.cancel(started.GetBuild().GetId())
		must(t, err)
	}
	b.leave(10 + 170)
	poor, err := b.quote("", mainBuild)
	must(t, err)
	if want := defaultQuote(180, 170); !proto.Equal(poor, want) {
		t.Errorf("quoted %v\nwant   %v", poor, want)
	}
}

func TestQuotesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stopped, err := b.cancel(b.queued().GetId())
	must(t, err)
	own, other := stopped.GetProjectId(), b.other(t)
	for name, test := range map[string]struct {
		of        *testBundle
		project   string
		operation billingv1.Operation
		want      errorv1.ErrorReason
	}{
		"an update of nothing":           {b, "", update, errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"an update of no version":        {b, own, update, errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD},
		"a project that is not there":    {b, uuid.NewString(), mainBuild, errorv1.ErrorReason_ERROR_REASON_NOT_FOUND},
		"the project that nothing has":   {b, uuid.Nil.String(), mainBuild, errorv1.ErrorReason_ERROR_REASON_NOT_FOUND},
		"another's project":              {other, own, mainBuild, errorv1.ErrorReason_ERROR_REASON_NOT_FOUND},
		"an update of another's project": {other, own, update, errorv1.ErrorReason_ERROR_REASON_NOT_FOUND},
	} {
		if got, err := test.of.quote(test.project, test.operation); reasonOf(err) != test.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := b.QuoteBuild(b.ctx(), &buildv1.QuoteBuildRequest{Prompt: "\x00"}); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("a prompt of nothing: %v", err)
	}
}

// Quotes follow what builds took. One that was given stays: a repeated start is
// told the numbers that it was started with.
func TestQuotesFollowHistory(t *testing.T) {
	t.Parallel()
	var estimates *billing.Estimates
	b := setup(t, func(p *build.Ports) {
		estimates = billing.NewEstimates(billing.EstimatesOptions{DB: p.DB, Logger: slog.New(slog.DiscardHandler)})
		p.Ledger = billing.NewLedger(billing.Options{Estimates: estimates})
	})
	req := &buildv1.StartBuildRequest{BuildSessionId: newSession(), Prompt: "A site for my café"}
	first, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	c := &workClock{}
	must(t, work(t.Context(), b.newWorker(c.slow(300*time.Second, 25*time.Second), c.port), first.GetBuild().GetId()))
	for range 3 {
		b.run(c.slow(30*time.Second, 5*time.Second), c.port)
	}
	before, err := b.quote("", mainBuild)
	must(t, err)
	must(t, estimates.Refresh(t.Context()))
	got, err := b.quote("", mainBuild)
	must(t, err)
	spent := int64(330 + 3*40)
	want := defaultQuote(330, gifts-spent)
	want.MaxSeconds = 3 * 330
	want.Estimate = &billingv1.Estimate{P50Seconds: 40, P95Seconds: 330, Confidence: billingv1.Confidence_CONFIDENCE_MEDIUM, SampleCount: 4}
	if !proto.Equal(got, want) || !proto.Equal(before, defaultQuote(180, gifts-spent)) {
		t.Errorf("quoted %v, then %v\nwant   %v", before, got, want)
	}
	again, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	if q := again.GetQuote(); q.GetHoldSeconds() != 180 || q.GetMaxSeconds() != 900 || q.GetEstimate().GetP95Seconds() != 180 || q.GetEstimate().GetP50Seconds() != 40 {
		t.Errorf("the repeat is told %v", q)
	}
	poorer := b.other(t)
	poorer.leave(320)
	_, err = poorer.StartBuild(poorer.ctx(), req)
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME {
		t.Errorf("started with less than the hold: %v", err)
	}
}
