package event

import (
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

func TestPagesAreTheStream(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	p := s.build(t)
	for range 41 {
		s.append(t, p, mixed()...)
	}
	s.end(t, p)
	const last = 41*6 + 1
	for _, test := range []struct {
		name    string
		classes []eventv1.EventClass
		size    int32
		pages   int
	}{
		{"default size", nil, 0, 2},
		{"small pages", nil, 100, 3},
		{"one page", nil, 1000, 1},
		{"page that ends with the log", nil, last, 1},
		{"text", []eventv1.EventClass{textClass}, 50, 5},
		{"lifecycle, in the last page only", []eventv1.EventClass{lifeClass}, 100, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.open(t, client, after(p.BuildID, 0, test.classes...))
			r.finish(endComplete)
			var (
				listed []*eventv1.BuildEvent
				page   = &eventv1.ListEventsResponse{}
				pages  int
			)
			for ; !page.GetTerminal(); pages++ {
				var err error
				page, err = client.ListEvents(t.Context(), &eventv1.ListEventsRequest{
					BuildId: p.BuildID.String(), AfterSeq: page.GetNextAfterSeq(), PageSize: test.size, Classes: test.classes,
				})
				if err != nil {
					t.Fatal(err)
				}
				if page.GetHeadSeq() != last {
					t.Errorf("head %d", page.GetHeadSeq())
				}
				listed = append(listed, page.GetEvents()...)
				seq, err := openResumeToken(s.service.tokens, p.BuildID, newFilter(test.classes), page.GetResumeToken())
				if err != nil || seq != page.GetNextAfterSeq() {
					t.Errorf("the page's token: %d, %v; next after %d", seq, err, page.GetNextAfterSeq())
				}
			}
			if pages != test.pages || page.GetNextAfterSeq() != last {
				t.Errorf("%d pages to %d", pages, page.GetNextAfterSeq())
			}
			if !slices.EqualFunc(listed, r.events, func(a, b *eventv1.BuildEvent) bool { return proto.Equal(a, b) }) {
				t.Errorf("listed %v, streamed %v", eventSeqs(listed), eventSeqs(r.events))
			}
		})
	}
}

func TestAPageOfLargeEventsIsBounded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	for range 10 {
		s.append(t, p, slices.Repeat([]*eventv1.BuildEvent{textEvent(strings.Repeat("x", 64<<10))}, 10)...)
	}
	var next int64
	for next < 100 {
		page, err := s.client(t).ListEvents(t.Context(), &eventv1.ListEventsRequest{
			BuildId: p.BuildID.String(), AfterSeq: next, PageSize: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		if size := proto.Size(page); size > 4<<20 || len(page.GetEvents()) == 0 {
			t.Fatalf("a page of %d bytes and %d events", size, len(page.GetEvents()))
		}
		if page.GetEvents()[0].GetSeq() != next+1 {
			t.Fatalf("%d after %d", page.GetEvents()[0].GetSeq(), next)
		}
		next = page.GetNextAfterSeq()
	}
}

func TestALongPollReturnsWithTheEvent(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	p := s.build(t)
	s.append(t, p, textEvent("1"))
	type answer struct {
		page *eventv1.ListEventsResponse
		err  error
	}
	answers := make(chan answer)
	poll := func(wait time.Duration, size int32) {
		page, err := client.ListEvents(t.Context(), &eventv1.ListEventsRequest{
			BuildId: p.BuildID.String(), AfterSeq: 1, Wait: durationpb.New(wait), PageSize: size,
		})
		answers <- answer{page, err}
	}
	began := time.Now()
	go poll(25*time.Second, 2)
	s.waitForSubscribers(t, p.BuildID, 1)
	s.publish(t, p, textEvent("2"), textEvent("3"), textEvent("4"))
	a := <-answers
	if a.err != nil || !slices.Equal(eventSeqs(a.page.GetEvents()), []int64{2, 3}) || a.page.GetTerminal() || a.page.GetNextAfterSeq() != 3 {
		t.Errorf("%v, %v", a.page, a.err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// waitForSubscribers waits until so many cursors follow a build.
func (s *site) waitForSubscribers(t *testing.T, id uuid.UUID, n int) {
	t.Helper()
	waitFor(t, func() bool {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		f := s.hub.feeds[id]
		return f != nil && len(f.cursors) >= n
	})
}

func TestALongPollThatGetsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	running, ended := s.build(t), s.build(t)
	s.append(t, running, textEvent("1"))
	s.end(t, ended)
	for _, test := range []struct {
		name     string
		build    Producer
		wait     time.Duration
		drain    bool
		min, max time.Duration
		terminal bool
	}{
		{"no wait", running, 0, false, 0, 5 * time.Second, false},
		{"a wait", running, 150 * time.Millisecond, false, 150 * time.Millisecond, 10 * time.Second, false},
		{"an ended build", ended, 20 * time.Second, false, 0, 10 * time.Second, true},
		{"a node that drains", running, 20 * time.Second, true, 0, 10 * time.Second, false},
	} {
		if test.drain {
			s.hub.Drain(0)
		}
		began := time.Now()
		page, err := client.ListEvents(t.Context(), &eventv1.ListEventsRequest{
			BuildId: test.build.BuildID.String(), AfterSeq: 1, Wait: durationpb.New(test.wait),
		})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if took := time.Since(began); took < test.min || took > test.max {
			t.Errorf("%s: took %v", test.name, took)
		}
		if len(page.GetEvents()) != 0 || page.GetNextAfterSeq() != 1 || page.GetHeadSeq() != 1 || page.GetTerminal() != test.terminal {
			t.Errorf("%s: %v", test.name, page)
		}
	}
}

func TestRefusedPages(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	p := s.build(t)
	for name, test := range map[string]struct {
		req    *eventv1.ListEventsRequest
		code   connect.Code
		reason string
	}{
		"unknown build": {&eventv1.ListEventsRequest{BuildId: uuid.NewString()}, connect.CodeNotFound, "NOT_FOUND"},
		"not an id":     {&eventv1.ListEventsRequest{BuildId: "x"}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"large page":    {&eventv1.ListEventsRequest{BuildId: p.BuildID.String(), PageSize: 1001}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"negative page": {&eventv1.ListEventsRequest{BuildId: p.BuildID.String(), PageSize: -1}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"long wait":     {&eventv1.ListEventsRequest{BuildId: p.BuildID.String(), Wait: durationpb.New(26 * time.Second)}, connect.CodeInvalidArgument, "INVALID_FIELD"},
	} {
		_, err := client.ListEvents(t.Context(), test.req)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkFault(t, err, test.code, test.reason)
	}
}

// dropHistory drops the partition of a build, as retention does.
func (s *site) dropHistory(t *testing.T, id uuid.UUID) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), "DROP TABLE "+s.table(t, id)); err != nil {
		t.Fatal(err)
	}
}

func TestHistoryThatIsGone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	s.end(t, p)
	token := resumeToken(s.service.tokens, p.BuildID, 0, 3)
	s.dropHistory(t, p.BuildID)
	_, listErr := client.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: p.BuildID.String(), AfterSeq: 6})
	errs := map[string]error{"list": listErr}
	for name, req := range map[string]*eventv1.StreamEventsRequest{"stream": after(p.BuildID, 0), "token": resume(p.BuildID, token)} {
		stream, err := client.StreamEvents(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if stream.Receive() {
			t.Errorf("%s: %v", name, stream.Msg())
		}
		errs[name] = stream.Err()
		_ = stream.Close()
	}
	for name, err := range errs {
		checkFault(t, err, connect.CodeOutOfRange, "RESUME_TOKEN_EXPIRED")
		if floor := detail[*errorv1.HistoryFloor](t, err); floor.GetFirstSeq() != 8 {
			t.Errorf("%s: %v", name, floor)
		}
	}
	// What the error advises works: to begin there, or with a snapshot.
	r := s.open(t, client, after(p.BuildID, 7))
	if last := r.finish(endComplete); len(r.events) != 0 || last.GetHeadSeq() != 7 {
		t.Errorf("at the end: %v", last)
	}
	req := after(p.BuildID, 0)
	req.Snapshot = true
	r = s.open(t, client, req)
	if snapshot := r.finish(endComplete).GetSnapshot(); snapshot.GetSeq() != 7 || snapshot.GetBuild().GetPrompt() != "a salon" {
		t.Errorf("snapshot: %v", snapshot)
	}
}
