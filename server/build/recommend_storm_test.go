package build_test

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/recommend"
)

// What the builds of the storm have as recommendations.
const (
	stormGood      = "good"
	stormSlow      = "slow"
	stormProvider  = "provider"
	stormSecond    = "second"
	stormRefused   = "refused"
	stormHanging   = "hanging"
	stormDeaf      = "deaf"
	stormMalformed = "malformed"
	stormPanic     = "panic"
)

var stormKinds = []string{ //nolint:gochecknoglobals // never changes
	stormGood, stormSlow, stormProvider, stormSecond, stormRefused, stormHanging, stormDeaf, stormMalformed, stormPanic,
}

// stormEnds is what becomes of the first list of each kind.
var stormEnds = map[string]recommend.View{ //nolint:gochecknoglobals // never changes
	stormGood: {State: recommend.StateReady}, stormSlow: {State: recommend.StateReady}, stormSecond: {State: recommend.StateReady},
	stormProvider:  {State: recommend.StateFailed, Reason: recommend.ReasonProvider},
	stormRefused:   {State: recommend.StateFailed, Reason: recommend.ReasonRefused},
	stormHanging:   {State: recommend.StateFailed, Reason: recommend.ReasonDeadline},
	stormDeaf:      {State: recommend.StateFailed, Reason: recommend.ReasonDeadline},
	stormMalformed: {State: recommend.StateFailed, Reason: recommend.ReasonMalformed},
	stormPanic:     {State: recommend.StateFailed, Reason: recommend.ReasonInternal},
}

const (
	stormBuilds      = 200
	stormConcurrency = 8
	// A minute of the storm is short, so that its calls pass in some seconds.
	stormPerMinute = 20
	stormSpan      = 250 * time.Millisecond
	stormAttempt   = 250 * time.Millisecond
)

// storm is an engine whose recommendations go wrong in every way, by build.
type storm struct {
	t *testing.T

	mu      sync.Mutex
	at      map[string]int
	fired   map[string]int
	began   []time.Time
	running int
	most    int
}

// stormKind says what a build's recommendations are like.
func stormKind(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return stormKinds[h.Sum32()%uint32(len(stormKinds))]
}

// enter notes the beginning of a call, and says the how-manieth of its build it is.
func (s *storm) enter(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = append(s.began, time.Now())
	s.running++
	s.most = max(s.most, s.running)
	s.at[id]++
	return s.at[id]
}

func (s *storm) fire(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fired[kind]++
}

func (s *storm) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// recommend is what the engine does. A list that is asked for again, after two calls at
// most or one that was good, fails.
func (s *storm) recommend(ctx context.Context, req engine.Request, _ *engine.Plan) (proposals, []engine.Call, error) {
	n := s.enter(req.BuildID)
	defer s.leave()
	kind, mark := stormKind(req.BuildID), "Write to "+req.BuildID
	switch {
	case kind == stormSecond && n == 1:
		s.fire(kind)
		return nil, nil, &engine.ProviderError{Retryable: true, Err: errors.New("busy")}
	case stormEnds[kind].State == recommend.StateReady && n > 1 && kind != stormSecond, n > 2:
		s.fire("again")
		return nil, nil, engine.ErrTooLong
	}
	s.fire(kind)
	return s.answer(ctx, kind, mark)
}

func (*storm) answer(ctx context.Context, kind, mark string) (proposals, []engine.Call, error) {
	good := proposals{newsletter(mark)}
	good[0].Prompt = mark
	switch kind {
	case stormSlow:
		return good, nil, waitFor(ctx, stormAttempt/3)
	case stormProvider:
		return nil, nil, &engine.ProviderError{Retryable: true, Err: errors.New("busy")}
	case stormRefused:
		return good, nil, engine.ErrRefused
	case stormHanging:
		<-ctx.Done()
		return nil, nil, ctx.Err()
	case stormDeaf: // It hears of the end late.
		<-ctx.Done()
		return nil, nil, errors.Join(waitFor(context.WithoutCancel(ctx), stormAttempt/5), errors.New("too late"))
	case stormMalformed:
		return proposals{{Kind: "chatbot", Category: "feature", Title: mark}}, nil, nil
	case stormPanic:
		panic("storm")
	}
	return good, nil, nil
}

func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// weather starts a node for builds and recommendations.
func (s *storm) weather(b *testBundle) {
	recommender := b.newRecommender(s.recommend, func(p *build.RecommenderPorts) {
		p.PerMinute, p.Minute = stormPerMinute, stormSpan
	})
	builder := b.newWorker(&script{})
	workers := river.NewWorkers()
	river.AddWorker(workers, recommender)
	river.AddWorker(workers, builder)
	node, err := river.NewClient(riverpgxv5.New(b.db.Pool()), &river.Config{
		Logger: slog.New(slog.DiscardHandler), Workers: workers, JobTimeout: -1,
		FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
		Queues: map[string]river.QueueConfig{
			build.Queue: {MaxWorkers: 4}, build.RecommendQueue: {MaxWorkers: stormConcurrency},
		},
	})
	must(b.t, err)
	must(b.t, node.Start(context.WithoutCancel(b.t.Context())))
	b.t.Cleanup(func() { must(b.t, node.StopAndCancel(context.WithoutCancel(b.t.Context()))) })
	ctx, stop := context.WithCancel(b.t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { recommender.Watch(ctx) })
	b.t.Cleanup(func() {
		stop()
		watching.Wait()
	})
}

// eachOf does something with all builds, some at a time.
func eachOf(ids []string, do func(i int, id string)) {
	var group sync.WaitGroup
	for lane := range 6 {
		group.Go(func() {
			for i := lane; i < len(ids); i += 6 {
				do(i, ids[i])
			}
		})
	}
	group.Wait()
}

// Two hundred builds at once whose recommendations go wrong in every way: every list
// ends, the limits hold, nothing good is overwritten and nothing crosses builds.
func TestStormOfRecommendations(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *build.Ports) {
		p.Recommendations.Timing = recommend.Timing{Attempt: stormAttempt, Deadline: 15 * time.Second, Pause: 50 * time.Millisecond}
	})
	s := &storm{t: t, at: map[string]int{}, fired: map[string]int{}}
	s.weather(b)
	ids, users := make([]string, stormBuilds), make([]uuid.UUID, stormBuilds)
	eachOf(ids, func(i int, _ string) {
		users[i] = uuid.New()
		res, err := b.StartBuild(b.as(users[i]), &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon"})
		if err != nil {
			t.Error(err)
			return
		}
		ids[i] = res.GetBuild().GetId()
	})
	open := `SELECT count(*) FROM recommendation_revisions WHERE state IN ('queued', 'generating')`
	eventually(t, "every first list has ended", func() bool { return b.number(open) == 0 })
	eachOf(ids, func(i int, id string) {
		list, err := b.RequestRecommendations(b.as(users[i]), uuid.MustParse(id), "again")
		if err != nil || list.Number != 2 {
			t.Errorf("%+v, %v", list, err)
		}
	})
	eventually(t, "every second list has ended", func() bool { return b.number(open) == 0 })
	eventually(t, "every build has ended", func() bool {
		return b.number(`SELECT count(*) FROM builds WHERE state <> 'complete'`) == 0
	})
	if n := b.number(`SELECT count(*) FROM recommendation_revisions WHERE end_time > deadline_time OR attempt > 2`); n != 0 {
		t.Errorf("%d lists ended after their deadline", n)
	}
	s.checkLimits()
	for i, id := range ids {
		c := b.other(t)
		c.user = users[i]
		s.checkBuild(c, id)
	}
	for _, kind := range append(stormKinds, "again") {
		if s.fired[kind] == 0 {
			t.Errorf("%s never happened", kind)
		}
	}
	t.Logf("%d calls, %d at once at most, %v", len(s.began), s.most, s.fired)
}

// checkLimits checks that never more calls ran at once than may, and that they began at
// the rate: of those that began late, some at once may have had their turn before.
func (s *storm) checkLimits() {
	if s.most > stormConcurrency || s.most < 2 {
		s.t.Errorf("%d calls at once", s.most)
	}
	slices.SortFunc(s.began, func(a, b time.Time) int { return a.Compare(b) })
	for i, from := range s.began {
		for j := i; j < len(s.began); j++ {
			// A quarter more, for those that come late to the turn that was kept for them.
			minutes := int(s.began[j].Sub(from)/stormSpan) + 2
			if n, allowed := j-i+1, minutes*stormPerMinute*5/4+stormConcurrency; n > allowed {
				s.t.Fatalf("%d calls in %v, %d are allowed", n, s.began[j].Sub(from), allowed)
			}
		}
	}
}

// checkBuild checks what one build is left with.
func (s *storm) checkBuild(b *testBundle, id string) {
	kind := stormKind(id)
	view, want := b.lists(id), stormEnds[kind]
	// The second list: a good first one is not overwritten, and the others fail again.
	want.Reason = recommend.ReasonTooLong
	if kind == stormRefused || kind == stormPanic {
		want.Reason = stormEnds[kind].Reason // One call each.
	}
	if view.State != want.State || view.Pending != 0 || view.Reason != want.Reason {
		b.t.Errorf("%s: %+v, want %+v", kind, view, want)
	}
	good := want.State == recommend.StateReady
	if titles := b.titles(id); good != slices.Equal(titles, []string{"Write to " + id}) || !good && len(titles) > 0 {
		b.t.Errorf("%s: %q", kind, titles)
	}
	ready, failed := b.signals(id)
	if all := slices.Sorted(slices.Values(slices.Concat(ready, failed))); len(slices.Compact(all)) != len(ready)+len(failed) {
		b.t.Errorf("%s: ready %v, failed %v", kind, ready, failed)
	}
	if len(ready) > 0 && !good {
		b.t.Errorf("%s: ready %v", kind, ready)
	}
	text := strings.Join(b.outcomes(id, 1), " ")
	if wantText := map[string]string{stormSecond: "provider_unavailable ready", stormRefused: "refused", stormPanic: "internal"}[kind]; text != cmp.Or(wantText, text) || text == "" {
		b.t.Errorf("%s: attempts %s", kind, text)
	}
}
