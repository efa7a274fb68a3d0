package event

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
)

const (
	textClass = eventv1.EventClass_EVENT_CLASS_TEXT
	fileClass = eventv1.EventClass_EVENT_CLASS_FILES
	logClass  = eventv1.EventClass_EVENT_CLASS_LOGS
	lifeClass = eventv1.EventClass_EVENT_CLASS_LIFECYCLE
)

// mixed are six events: text, file, log, text, file, text.
func mixed() []*eventv1.BuildEvent {
	return []*eventv1.BuildEvent{
		textEvent("Bonjour "), fileEvent("a.html"), logEvent("one"),
		textEvent("à "), fileEvent("b.html"), textEvent("Lyon"),
	}
}

func TestWhereAStreamBegins(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	running, ended := s.build(t), s.build(t)
	s.append(t, running, mixed()...)
	s.append(t, ended, mixed()...)
	s.end(t, ended)
	token := func(p Producer, seq int64, classes ...eventv1.EventClass) string {
		return resumeToken(s.service.tokens, p.BuildID, newFilter(classes), seq)
	}
	for _, test := range []struct {
		name string
		req  *eventv1.StreamEventsRequest
		want []int64
	}{
		{"nothing said", &eventv1.StreamEventsRequest{BuildId: ended.BuildID.String()}, span64(1, 7)},
		{"after 0", after(ended.BuildID, 0), span64(1, 7)},
		{"after 4", after(ended.BuildID, 4), span64(5, 7)},
		{"after the last", after(ended.BuildID, 7), nil},
		{"token of the start", resume(ended.BuildID, token(ended, 0)), span64(1, 7)},
		{"token of 6", resume(ended.BuildID, token(ended, 6)), []int64{7}},
		{"token of the last", resume(ended.BuildID, token(ended, 7)), nil},
		{"upper case id", &eventv1.StreamEventsRequest{BuildId: strings.ToUpper(ended.BuildID.String())}, span64(1, 7)},
		{"text only", after(ended.BuildID, 0, textClass), []int64{1, 4, 6}},
		{"files and logs after 2", after(ended.BuildID, 2, logClass, fileClass), []int64{3, 5}},
		{"lifecycle", after(ended.BuildID, 0, lifeClass), []int64{7}},
		{"text by a token", resume(ended.BuildID, token(ended, 1, textClass), textClass), []int64{4, 6}},
		{"running", after(running.BuildID, 2), span64(3, 6)},
		{"running, text only", after(running.BuildID, 2, textClass), []int64{4, 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := s.open(t, client, test.req)
			if test.req.GetBuildId() == running.BuildID.String() {
				r.until(func(*eventv1.StreamEventsResponse) bool { return len(r.events) == len(test.want) })
			} else if last := r.finish(endComplete); last.GetHeadSeq() != 7 {
				t.Errorf("head %d", last.GetHeadSeq())
			}
			if got := eventSeqs(r.events); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestALiveStreamDeliversWhatIsPublished(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	r := s.open(t, s.client(t), after(p.BuildID, 0))
	if first := r.next(); len(first.GetEvents()) != 0 || first.GetHeadSeq() != 0 || first.GetResumeToken() == "" {
		t.Fatalf("the first message is no heartbeat: %v", first)
	}
	for i := range int64(5) {
		s.publish(t, p, textEvent(strconv.FormatInt(i, 10)))
		m := r.next()
		if len(m.GetEvents()) != 1 || m.GetEvents()[0].GetSeq() != i+1 || m.GetHeadSeq() != i+1 {
			t.Fatalf("event %d came as %v", i+1, m)
		}
	}
	s.hub.Publish(s.end(t, p))
	if last := r.finish(endComplete); last.GetHeadSeq() != 6 || len(r.events) != 6 {
		t.Errorf("%d events, the last message is %v", len(r.events), last)
	}
	// Each token stands for the position after its message.
	for i, token := range r.tokens {
		again := s.open(t, s.client(t), resume(p.BuildID, token))
		again.finish(endComplete)
		if got := eventSeqs(again.events); !slices.Equal(got, span64(int64(i)+1, 6)) {
			t.Errorf("token %d: %v", i, got)
		}
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	running, ended, empty := s.build(t), s.build(t), s.build(t)
	s.append(t, running, mixed()...)
	s.append(t, ended, mixed()...)
	s.end(t, ended)
	for _, test := range []struct {
		name  string
		build Producer
		seq   int64
		text  string
		files int
		ended bool
	}{
		{"running", running, 6, "Bonjour à Lyon", 2, false},
		{"ended", ended, 7, "Bonjour à Lyon", 2, true},
		{"empty", empty, 0, "", 0, false},
	} {
		for _, seq := range []int64{0, 3} {
			req := after(test.build.BuildID, min(seq, test.seq))
			req.Snapshot = true
			r := s.open(t, client, req)
			first := r.next()
			snapshot := first.GetSnapshot()
			if snapshot == nil || snapshot.GetSeq() != test.seq || snapshot.GetAssistantText() != test.text ||
				len(snapshot.GetFiles()) != test.files || snapshot.GetBuild().GetHeadSeq() != test.seq || len(first.GetEvents()) != 0 {
				t.Errorf("%s after %d: %v", test.name, seq, first)
				continue
			}
			if got := first.GetEnd().GetReason() == endComplete; got != test.ended {
				t.Errorf("%s after %d: ended %v", test.name, seq, got)
			}
			if test.ended {
				continue
			}
			s.publish(t, test.build, textEvent("!"))
			test.seq++
			test.text += "!"
			if m := r.next(); m.GetSnapshot() != nil || m.GetEvents()[0].GetSeq() != test.seq {
				t.Errorf("%s: after the snapshot came %v", test.name, m)
			}
		}
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	s := serve(t, WithHeartbeat(30*time.Millisecond))
	p := s.build(t)
	s.append(t, p, textEvent("1"), textEvent("2"))
	r := s.open(t, s.client(t), after(p.BuildID, 2, fileClass))
	for range 4 {
		if m := r.next(); len(m.GetEvents()) != 0 || m.GetEnd() != nil || m.GetHeadSeq() != 2 {
			t.Fatalf("not a heartbeat: %v", m)
		}
	}
	if r.tokens[0] != r.tokens[3] {
		t.Error("the position moved without an event")
	}
	// An event of another class moves the position, and is not sent.
	s.publish(t, p, textEvent("3"))
	moved := r.until(func(m *eventv1.StreamEventsResponse) bool { return m.GetHeadSeq() == 3 })
	if len(r.events) != 0 || moved.GetResumeToken() == r.tokens[0] {
		t.Errorf("events %v", r.events)
	}
}

func TestStreamsThatEndWithReconnect(t *testing.T) {
	t.Parallel()
	expires := func(d time.Duration) func(*site) {
		return func(s *site) {
			s.become(auth.Principal{UserID: s.user, Role: auth.RoleUser, ExpireTime: time.Now().Add(d)})
		}
	}
	for _, test := range []struct {
		name     string
		opts     []ServiceOption
		change   func(*site)
		min, max time.Duration
	}{
		{"lifetime", []ServiceOption{WithLifetime(500 * time.Millisecond)}, func(*site) {}, 400 * time.Millisecond, 0},
		{"credentials", nil, expires(-credentialGrace + 300*time.Millisecond), 250 * time.Millisecond, 0},
		{"credentials long gone", nil, expires(-time.Hour), 0, 0},
		{"no expiry", []ServiceOption{WithLifetime(100 * time.Millisecond)}, func(s *site) { s.become(auth.Principal{UserID: s.user}) }, 80 * time.Millisecond, 0},
		{"drain", nil, func(s *site) { s.hub.Drain(0) }, 0, drainSpread},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.opts...)
			p := s.build(t)
			s.append(t, p, textEvent("1"))
			test.change(s)
			began := time.Now()
			r := s.open(t, s.client(t), after(p.BuildID, 1))
			last := r.finish(endReconnect)
			if lived := time.Since(began); lived < test.min || lived > 10*time.Second {
				t.Errorf("lived %v", lived)
			}
			wait := last.GetEnd().GetReconnectAfter().AsDuration()
			if wait < 0 || wait > test.max {
				t.Errorf("reconnect after %v", wait)
			}
			if seq, err := openResumeToken(s.service.tokens, p.BuildID, 0, last.GetResumeToken()); err != nil || seq != 1 {
				t.Errorf("the token of the end: %d, %v", seq, err)
			}
		})
	}
}

func TestPositionsThatCannotBeServedEndWithResync(t *testing.T) {
	t.Parallel()
	s := serve(t)
	running, ended := s.build(t), s.build(t)
	s.append(t, running, mixed()...)
	s.append(t, ended, mixed()...)
	s.end(t, ended)
	for name, req := range map[string]*eventv1.StreamEventsRequest{
		"beyond the head, running":   after(running.BuildID, 7),
		"beyond the head, ended":     after(ended.BuildID, 90),
		"a token beyond the head":    resume(running.BuildID, resumeToken(s.service.tokens, running.BuildID, 0, 8)),
		"beyond the head and filter": after(running.BuildID, 7, textClass),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.open(t, s.client(t), req)
			if last := r.finish(endResync); r.count != 1 || len(r.events) != 0 {
				t.Errorf("%d messages, the last is %v", r.count, last)
			}
		})
	}
}

// TestAReaderThatRetentionOvertakes has its next events deleted while it waits.
func TestAReaderThatRetentionOvertakes(t *testing.T) {
	t.Parallel()
	s := serve(t, WithHeartbeat(50*time.Millisecond))
	p := s.build(t)
	s.append(t, p, mixed()...)
	r := s.open(t, s.client(t), after(p.BuildID, 6))
	r.next()
	for _, change := range []string{"UPDATE builds SET head_seq = 9 WHERE id = $1", "DELETE FROM build_events WHERE build_id = $1"} {
		if _, err := s.db.Exec(t.Context(), change, p.BuildID); err != nil {
			t.Fatal(err)
		}
	}
	s.hub.repair(t.Context())
	r.finish(endResync)
}

func TestLifetimesAreSpread(t *testing.T) {
	t.Parallel()
	s := &stream{service: NewService(nil, nil, nil, nil, WithLifetime(time.Minute))}
	lowest, highest := time.Hour, time.Duration(0)
	for range 1000 {
		life := s.lifetime(t.Context())
		lowest, highest = min(lowest, life), max(highest, life)
	}
	if lowest < 48*time.Second || highest > 72*time.Second || highest-lowest < 20*time.Second {
		t.Errorf("from %v to %v", lowest, highest)
	}
}

func TestRefusedStreams(t *testing.T) {
	t.Parallel()
	s := serve(t)
	client := s.client(t)
	p, other := s.build(t), s.build(t)
	s.append(t, p, mixed()...)
	own := resumeToken(s.service.tokens, p.BuildID, 0, 2)
	text := resumeToken(s.service.tokens, p.BuildID, newFilter([]eventv1.EventClass{textClass}), 2)
	for _, test := range []struct {
		name   string
		req    *eventv1.StreamEventsRequest
		code   connect.Code
		reason string
	}{
		{"unknown build", after(uuid.New(), 0), connect.CodeNotFound, "NOT_FOUND"},
		{"unknown build, good token", resume(uuid.New(), own), connect.CodeNotFound, "NOT_FOUND"},
		{"not an id", &eventv1.StreamEventsRequest{BuildId: "salon"}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"no id", &eventv1.StreamEventsRequest{}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"negative seq", after(p.BuildID, -1), connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"unknown class", after(p.BuildID, 0, 40), connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"negative class", after(p.BuildID, 0, -1), connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"class of none", after(p.BuildID, 0, 0), connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"class twice", after(p.BuildID, 0, 2, 2), connect.CodeInvalidArgument, "INVALID_FIELD"},
		{"another build's token", resume(other.BuildID, own), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID"},
		{"another filter's token", resume(p.BuildID, text), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID"},
		{"a token without its filter", resume(p.BuildID, own, textClass), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID"},
		{"damaged token", resume(p.BuildID, "B"+own[1:]), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID"},
		{"cut token", resume(p.BuildID, own[:20]), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID"},
		{"long token", resume(p.BuildID, strings.Repeat("A", 257)), connect.CodeInvalidArgument, "PAYLOAD_TOO_LARGE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stream, err := client.StreamEvents(t.Context(), test.req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stream.Close() }()
			if stream.Receive() {
				t.Fatalf("got %v", stream.Msg())
			}
			checkFault(t, stream.Err(), test.code, test.reason)
		})
	}
}
