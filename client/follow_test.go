package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sheenapps/sheen/client"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	ms      = time.Millisecond
	text    = eventv1.EventClass_EVENT_CLASS_TEXT
	endDone = eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
)

// followCase is one script and what the loop must see of it.
type followCase struct {
	scripts [][]step
	opts    []client.FollowOption
	want    []int64
	starts  []string
	waits   []time.Duration
	err     error
}

func followCases() map[string]followCase {
	all := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	rest := send(4, 5, 6, 7, 8, 9)
	return map[string]followCase{
		"one stream":   {scripts: [][]step{{send(), send(1, 2, 3), send(4, 5), send(6, 7, 8, 9), silence()}}, want: all, starts: []string{"after 0"}},
		"end complete": {scripts: [][]step{{end(endDone, 0, 5)}}, opts: []client.FollowOption{client.AfterSeq(5)}, starts: []string{"after 5"}},
		"from a token": {scripts: [][]step{{send(4, 5), cut()}, {send(6, 7, 8, 9)}}, opts: []client.FollowOption{client.From("start")}, want: []int64{4, 5, 6, 7, 8, 9}, starts: []string{"start", "token 5"}, waits: []time.Duration{100 * ms}},
		"from no token": {
			scripts: [][]step{{send(all...)}}, opts: []client.FollowOption{client.From("")}, want: all, starts: []string{"after 0"},
		},
		"tcp cut": {scripts: [][]step{{send(1, 2, 3), cut()}, {rest}}, want: all, starts: []string{"after 0", "token 3"}, waits: []time.Duration{100 * ms}},
		"in a language": {
			scripts: [][]step{{send(1, 2, 3), cut()}, {rest}}, opts: []client.FollowOption{client.ReadIn("ar-EG")}, want: all,
			starts: []string{"after 0 in ar-EG", "token 3 in ar-EG"}, waits: []time.Duration{100 * ms},
		},
		"half a message": {scripts: [][]step{{send(1, 2, 3), half(4, 5)}, {rest}}, want: all, starts: []string{"after 0", "token 3"}, waits: []time.Duration{100 * ms}},
		"clean end without a word": {
			scripts: [][]step{{send(1, 2, 3), unsaid()}, {rest}}, want: all, starts: []string{"after 0", "token 3"}, waits: []time.Duration{100 * ms},
		},
		"gap between messages": {scripts: [][]step{{send(1, 2), send(4, 5)}, {send(3), rest}}, want: all, starts: []string{"after 0", "after 2"}, waits: []time.Duration{100 * ms}},
		"gap in a message":     {scripts: [][]step{{send(1, 2, 3, 5)}, {rest}}, want: all, starts: []string{"after 0", "after 3"}, waits: []time.Duration{100 * ms}},
		"gap at the start":     {scripts: [][]step{{send(2, 3)}, {send(all...)}}, want: all, starts: []string{"after 0", "after 0"}, waits: []time.Duration{100 * ms}},
		"gap at the end": {
			scripts: [][]step{{send(1, 2, 3), end(endDone, 0, 9)}, {rest}}, want: all, starts: []string{"after 0", "after 3"}, waits: []time.Duration{100 * ms},
		},
		"duplicates": {scripts: [][]step{{send(1, 2, 3), send(2, 3), send(3, 4, 5)}, {send(1, 2), send(5, 6, 7, 8, 9)}}, want: all, starts: []string{"after 0", "token 5"}, waits: []time.Duration{100 * ms}},
		"reconnect":  {scripts: [][]step{{send(1, 2, 3), reconnect(250 * ms)}, {rest}}, want: all, starts: []string{"after 0", "token 3"}, waits: []time.Duration{250 * ms}},
		"reconnect that asks for ever": {
			scripts: [][]step{{send(1, 2, 3), reconnect(time.Hour)}, {rest}}, want: all, starts: []string{"after 0", "token 3"}, waits: []time.Duration{time.Minute},
		},
		"reconnect in a loop": {
			scripts: [][]step{{reconnect(0)}, {reconnect(0)}, {reconnect(0)}, {send(all...)}}, want: all,
			starts: []string{"after 0", "after 0", "after 0", "after 0"}, waits: []time.Duration{0, 100 * ms, 200 * ms},
		},
		"heartbeats move a filtered position": {
			scripts: [][]step{{send(2), heartbeat("token 7"), cut()}, {send(9)}}, opts: []client.FollowOption{client.Classes(text)},
			want: []int64{2, 9}, starts: []string{"after 0", "token 7"}, waits: []time.Duration{100 * ms},
		},
		"filtered and out of order": {
			scripts: [][]step{{send(2, 5), send(4), send(7), end(endDone, 0, 9)}}, opts: []client.FollowOption{client.Classes(text)}, want: []int64{2, 5, 7}, starts: []string{"after 0"},
		},
		"backoff grows to its cap and starts anew": {
			scripts: [][]step{
				{fail(connect.CodeUnavailable, "STORE_UNAVAILABLE")},
				{cut()},
				{unsaid()},
				{fail(connect.CodeInternal, "INTERNAL")},
				{cut()},
				{cut()},
				{cut()},
				{cut()},
				{cut()},
				{cut()},
				{cut()},
				{send(1, 2, 3), cut()},
				{rest},
			},
			want:   all,
			starts: append(slices.Repeat([]string{"after 0"}, 12), "token 3"),
			waits:  []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 30 * time.Second, 30 * time.Second, 100 * ms},
		},
		"never earlier than the server asks": {
			scripts: [][]step{{fail(connect.CodeUnavailable, "STORE_UNAVAILABLE", &errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})}, {send(all...)}},
			want:    all, starts: []string{"after 0", "after 0"}, waits: []time.Duration{7*time.Second + 100*ms},
		},
		"not found":     {scripts: [][]step{{fail(connect.CodeNotFound, "NOT_FOUND")}}, err: client.ErrNotFound, starts: []string{"after 0"}},
		"token invalid": {scripts: [][]step{{fail(connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID")}}, opts: []client.FollowOption{client.From("bad")}, err: client.ErrInvalidArgument, starts: []string{"bad"}},
		"refused":       {scripts: [][]step{{fail(connect.CodeUnauthenticated, "UNAUTHENTICATED")}}, err: client.ErrUnauthenticated, starts: []string{"after 0"}},
		"denied":        {scripts: [][]step{{fail(connect.CodePermissionDenied, "PERMISSION_DENIED")}}, err: client.ErrPermissionDenied, starts: []string{"after 0"}},
		"resync": {
			scripts: [][]step{{send(1), end(eventv1.StreamEndReason_STREAM_END_REASON_RESYNC, 0, 0)}}, want: []int64{1}, err: client.ErrResync, starts: []string{"after 0"},
		},
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	for name, test := range followCases() {
		for protocol, transport := range map[string]*http.Client{"h2c": nil, "http1": {Transport: &http.Transport{}}} {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				test.run(t, transport)
			})
		}
	}
}

func (test followCase) run(t *testing.T, transport *http.Client) {
	t.Helper()
	s := newScripted(t, test.scripts...)
	var waits []time.Duration
	opts := []client.Option{client.WithStaticToken("t"), client.WithSleep(func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		if len(waits) > 2*len(test.starts) {
			return errors.New("it goes round and round")
		}
		return nil
	})}
	if transport != nil {
		opts = append(opts, client.WithHTTPClient(transport))
	}
	c := client.New(s.url, opts...)
	defer c.CloseIdleConnections()

	var got []int64
	var final error
	follow := append(slices.Clone(test.opts), client.OnProgress(func(p client.Position) { s.positions <- p }))
	for event, err := range c.Follow(t.Context(), buildID, follow...) {
		if err != nil {
			final = err
			continue // the loop must end by itself
		}
		got = append(got, event.GetSeq())
	}
	starts, _ := s.seen()
	if !slices.Equal(got, test.want) {
		t.Errorf("events %v, want %v", got, test.want)
	}
	if !slices.Equal(starts, test.starts) {
		t.Errorf("starts %q, want %q", starts, test.starts)
	}
	if !slices.Equal(waits, test.waits) {
		t.Errorf("waits %v, want %v", waits, test.waits)
	}
	if !errors.Is(final, test.err) || (final == nil) != (test.err == nil) {
		t.Errorf("error %v, want %v", final, test.err)
	}
}

func TestFollowHistoryExpired(t *testing.T) {
	t.Parallel()
	s := newScripted(t, []step{fail(connect.CodeOutOfRange, "RESUME_TOKEN_EXPIRED", &errorv1.HistoryFloor{FirstSeq: 7})})
	for _, err := range client.New(s.url).Follow(t.Context(), buildID, client.AfterSeq(1)) {
		var expired *client.HistoryExpired
		if !errors.As(err, &expired) || expired.Detail.GetFirstSeq() != 7 {
			t.Errorf("got %v", err)
		}
	}
}

func TestFollowRefreshesTheTokenOnce(t *testing.T) {
	t.Parallel()
	unauthenticated := []step{fail(connect.CodeUnauthenticated, "UNAUTHENTICATED")}
	s := newScripted(t, unauthenticated, []step{send(1, 2), unsaid()}, unauthenticated, unauthenticated)
	calls := 0
	c := client.New(s.url, client.WithSleep(noWait), client.WithToken(func(context.Context) (string, error) {
		calls++
		return string(rune('a' + calls - 1)), nil
	}))
	var got []int64
	var final error
	for event, err := range c.Follow(t.Context(), buildID) {
		got, final = append(got, event.GetSeq()), err
	}
	_, tokens := s.seen()
	if want := []string{"Bearer a", "Bearer b", "Bearer c", "Bearer d"}; !slices.Equal(tokens, want) {
		t.Errorf("tokens %q, want %q", tokens, want)
	}
	if !errors.Is(final, client.ErrUnauthenticated) || !slices.Equal(got, []int64{1, 2, 0}) {
		t.Errorf("got %v and %v", got, final)
	}
}

func noWait(context.Context, time.Duration) error { return nil }

func TestFollowPositionResumesExactly(t *testing.T) {
	t.Parallel()
	for stopAt := int64(1); stopAt < lastSeq; stopAt++ {
		s := newScripted(t, []step{send(1, 2, 3), send(4, 5, 6), send(7, 8, 9)}, []step{send(1, 2, 3, 4, 5, 6, 7, 8, 9)})
		c := client.New(s.url)
		var saved client.Position
		var got []int64
		for event, err := range c.Follow(t.Context(), buildID, client.OnProgress(func(p client.Position) { saved = p })) {
			if err != nil {
				t.Fatal(err)
			}
			if event.GetSeq() == stopAt {
				break // not handled, so it must come again
			}
			got = append(got, event.GetSeq())
		}
		for event, err := range c.Follow(t.Context(), buildID, client.At(saved)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, event.GetSeq())
		}
		if want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("stopped at %d: got %v", stopAt, got)
		}
	}
}

func TestFollowEndsWithTheContext(t *testing.T) {
	t.Parallel()
	errEnough := errors.New("enough")
	s := newScripted(t, []step{send(1), silence()})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var final error
	for event, err := range client.New(s.url).Follow(ctx, buildID) {
		final = err
		if event.GetSeq() == 1 {
			cancel(errEnough)
		}
	}
	if !errors.Is(final, errEnough) {
		t.Errorf("got %v", final)
	}
}

func TestFollowEndsWhileItWaits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScripted(t, []step{unsaid()})
	c := client.New(s.url, client.WithSleep(func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}))
	pairs := 0
	for _, err := range c.Follow(ctx, buildID) {
		pairs++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if pairs != 1 {
		t.Errorf("%d pairs, want 1", pairs)
	}
}

func TestFollowLeaksNothing(t *testing.T) { //nolint:paralleltest // counts goroutines
	s := newScripted(t, []step{send(1, 2, 3), silence()})
	before := goleak.IgnoreCurrent()
	c := client.New(s.url)
	for _, err := range c.Follow(t.Context(), buildID) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	c.CloseIdleConnections()
	s.closeAll()
	if err := goleak.Find(before, goleak.IgnoreTopFunction("net/http.(*http2serverConn).serve")); err != nil {
		t.Error(err)
	}
}
