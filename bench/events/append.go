package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

const (
	// lease is the fencing token that the bench's builds are held with.
	lease = 1
	// maxAppend is the most that AppendEvents takes at once.
	maxAppend = 100
	// appendConnections is how many calls can be under way at once.
	appendConnections = 64
)

// errSeq says that the server acknowledged another seq than was appended.
var errSeq = errors.New("the append was acknowledged with a wrong seq")

// appender appends to the logs of builds through the API.
type appender struct {
	events eventv1connect.EventServiceClient
	size   int
	close  func()
}

// newAppender makes one for payloads of a size. A call over HTTP/1.1 costs the
// server less than one over HTTP/2.
func newAppender(s *sheen, size int) *appender {
	transport := &http.Transport{MaxConnsPerHost: appendConnections, MaxIdleConnsPerHost: appendConnections}
	c := client.New(s.url, client.WithStaticToken(s.serviceToken), client.WithHTTPClient(&http.Client{Transport: transport}))
	return &appender{events: c.Events, size: size, close: c.CloseIdleConnections}
}

// append appends the events first to first+count-1, at most maxAppend, and
// returns after their commit. at is when each of them counts as published.
func (a *appender) append(ctx context.Context, build string, first int64, count int, at func(seq int64) time.Time) error {
	events := make([]*eventv1.NewEvent, count)
	for i := range events {
		seq := first + int64(i)
		events[i] = &eventv1.NewEvent{Payload: &eventv1.NewEvent_LogLine{LogLine: &eventv1.NewLogLine{
			Level: eventv1.LogLevel_LOG_LEVEL_INFO, Text: newPayload(seq, a.size, at(seq)),
		}}}
	}
	reply, err := a.events.AppendEvents(ctx, &eventv1.AppendEventsRequest{
		BuildId: build, LeaseToken: lease, ExpectedSeq: first, Events: events,
	})
	if err != nil {
		return fmt.Errorf("append from %d on: %w", first, err)
	}
	if want := first + int64(count) - 1; reply.GetLastSeq() != want {
		return fmt.Errorf("%w: %d, not %d", errSeq, reply.GetLastSeq(), want)
	}
	return nil
}

// fill appends the events first to last as fast as one producer can: a full
// call after the other.
func (a *appender) fill(ctx context.Context, build string, first, last int64) error {
	for next := first; next <= last; next += maxAppend {
		now := time.Now()
		if err := a.append(ctx, build, next, int(min(maxAppend, last-next+1)), func(int64) time.Time { return now }); err != nil {
			return err
		}
	}
	return nil
}

// schedule says when events are due: bursts of some at once, a rate per second
// on the whole.
type schedule struct {
	first, last int64
	start       time.Time
	rate        float64
	burst       int64
}

func (s schedule) due(seq int64) time.Time {
	before := (seq - s.first) / s.burst * s.burst
	return s.start.Add(time.Duration(float64(before) / s.rate * float64(time.Second)))
}

// follow appends what a schedule says. What becomes due while a call is under
// way goes into the next one, so that a slow server is not offered less; and an
// event counts as published when it was due, so that lateness is not hidden.
func (a *appender) follow(ctx context.Context, build string, s schedule) error {
	for next := s.first; next <= s.last; {
		if err := sleepUntil(ctx, s.due(next)); err != nil {
			return err
		}
		now, count := time.Now(), int64(0)
		for count < maxAppend && next+count <= s.last && !s.due(next+count).After(now) {
			count++
		}
		if err := a.append(ctx, build, next, int(count), s.due); err != nil {
			return err
		}
		next += count
	}
	return nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
