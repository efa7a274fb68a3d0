package event

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
)

// ConnectTimings gives the service what ReportMetrics counts with, before its first
// use.
func (s *Service) ConnectTimings(t *Timings) { s.timings = t }

// ReportMetrics implements the RPC.
func (s *Service) ReportMetrics(ctx context.Context, req *eventv1.ReportMetricsRequest) (*eventv1.ReportMetricsResponse, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, fault.NotFound()
	}
	build, err := s.describe(ctx, buildID, auth.Caller(ctx).UserID)
	if err != nil {
		return nil, err
	}
	took, err := timingsFromProto(req.GetMetrics())
	if err != nil {
		return nil, err
	}
	s.timings.passOver(timingRepeated, len(req.GetMetrics())-len(took))
	s.timings.count(ctx, buildID, build, took)
	return &eventv1.ReportMetricsResponse{}, nil
}

// timingsFromProto keeps the first of each name.
func timingsFromProto(metrics []*eventv1.ClientMetric) (map[string]time.Duration, error) {
	took := make(map[string]time.Duration, len(metrics))
	for _, metric := range metrics {
		name := metric.GetName()
		if !slices.Contains(timingNames(), name) {
			return nil, unknownTiming(name)
		}
		// The schema bounds the sum of seconds and nanos, not their form.
		if metric.GetDuration().CheckValid() != nil {
			return nil, malformedTiming(name)
		}
		if _, twice := took[name]; !twice {
			took[name] = metric.GetDuration().AsDuration()
		}
	}
	return took, nil
}

// count counts what was not reported before.
func (t *Timings) count(ctx context.Context, buildID uuid.UUID, build *buildv1.Build, took map[string]time.Duration) {
	if t.now().Sub(build.GetCreateTime().AsTime()) > timingWindow {
		t.passOver(timingLate, len(took))
		return
	}
	// A page reports as it is closed: what is stored by then is to be counted too.
	fresh, err := t.remember(context.WithoutCancel(ctx), buildID, slices.Collect(maps.Keys(took)))
	if err != nil {
		// Nothing that the browser could do about it; the bus logs that Redis is away.
		t.passOver(timingForgotten, len(took))
		return
	}
	for _, name := range fresh {
		t.observe(name, build.GetLocale(), took[name])
	}
	t.passOver(timingRepeated, len(took)-len(fresh))
}
