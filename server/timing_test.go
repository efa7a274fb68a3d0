package server_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

// What a browser measured is in the metrics of the node that it told first, and in those
// of no other one.
func TestWhatABrowserMeasured(t *testing.T) {
	t.Parallel()
	option := func(cfg *server.Config) {
		cfg.MetricsListen, cfg.Roles = "127.0.0.1:0", server.Roles{API: true}
	}
	first := servertest.Start(t, option)
	second := servertest.Join(t, first, option)
	user := first.User(t)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café", Locale: "ar_EG"})
	if err != nil {
		t.Fatal(err)
	}
	report := &eventv1.ReportMetricsRequest{
		BuildId: started.GetBuild().GetId(),
		Metrics: []*eventv1.ClientMetric{{Name: "ttft", Duration: durationpb.New(1500 * time.Millisecond)}},
	}
	for _, node := range []*servertest.Bundle{first, second} {
		if _, err := node.As(t, user.UserID, "user").Events.ReportMetrics(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"NaNs", "-1s", "3600.000000001s", "1"} {
		body := fmt.Sprintf(`{"buildId":%q,"metrics":[{"name":"ttfi","duration":%q}]}`, report.GetBuildId(), bad)
		for _, m := range methods() {
			if m.Name() != "ReportMetrics" {
				continue
			}
			if res := do(t, servertest.Transport(t), post(t, first.URL(), m, body, user.Token)); res.err == nil || res.err.Code != "invalid_argument" || res.err.reason(t) == "" {
				t.Errorf("%s: %+v", bad, res.err)
			}
		}
	}
	_, page := plainGet(t, "http://"+first.MetricsAddr()+"/metrics", nil)
	wantLines(t, page,
		`sheen_ttft_seconds_bucket{locale="ar-EG",le="1"} 0`, `sheen_ttft_seconds_bucket{locale="ar-EG",le="1.5"} 1`,
		`sheen_ttft_seconds_sum{locale="ar-EG"} 1.5`, `sheen_ttfi_seconds_count{locale="ar-EG"} 0`, `sheen_ttfi_seconds_count{locale="en"} 0`)
	_, page = plainGet(t, "http://"+second.MetricsAddr()+"/metrics", nil)
	wantLines(t, page, `sheen_ttft_seconds_count{locale="ar-EG"} 0`, `sheen_client_timings_uncounted_total{reason="repeated"} 1`)
}
