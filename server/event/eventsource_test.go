package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// answer is a whole answer of plain HTTP.
type answer struct {
	status int
	header http.Header
	body   string
}

// String is the answer but for its date.
func (a answer) String() string { return fmt.Sprintf("%d %v %s", a.status, a.header, a.body) }

// get reads a build's server-sent events until the server ends them.
func (s *site) get(t *testing.T, build, query, lastEventID string) answer {
	t.Helper()
	res := s.source(t, build, query, lastEventID)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Del("Date")
	return answer{res.StatusCode, res.Header, string(body)}
}

// source opens a build's server-sent events.
func (s *site) source(t *testing.T, build, query, lastEventID string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/builds/"+build+"/events"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// sourced is one server-sent event.
type sourced struct{ name, id, data, retry string }

// parseSource reads events as a browser does.
func parseSource(t *testing.T, body string) []sourced {
	t.Helper()
	var all []sourced
	for block := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		var e sourced
		for line := range strings.SplitSeq(block, "\n") {
			field, value, ok := strings.Cut(line, ": ")
			target, known := map[string]*string{"event": &e.name, "id": &e.id, "data": &e.data, "retry": &e.retry}[field]
			if !ok || !known {
				t.Fatalf("the line %q", line)
			}
			*target = value
		}
		all = append(all, e)
	}
	return all
}

func ids(events []sourced, name string) []string {
	var all []string
	for _, e := range events {
		if e.name == name {
			all = append(all, e.id)
		}
	}
	return all
}

func TestEventSource(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	s.end(t, p)
	id := p.BuildID.String()
	token := resumeToken(s.service.tokens, p.BuildID, 0, 5)
	for _, test := range []struct {
		name, query, last string
		want              []string
	}{
		{"everything", "", "", []string{"1", "2", "3", "4", "5", "6", "7"}},
		{"after a seq", "?after_seq=5", "", []string{"6", "7"}},
		{"the last id counts more", "?after_seq=1", "6", []string{"7"}},
		{"a resume token", "", token, []string{"6", "7"}},
		{"classes", "?classes=text,Lifecycle", "", []string{"1", "4", "6", "7"}},
		{"classes, each by itself", "?classes=files&classes=logs", "2", []string{"3", "5"}},
		{"a snapshot", "?snapshot=true", "", nil},
		{"no snapshot for who comes back", "?snapshot=1", "6", []string{"7"}},
	} {
		got := s.get(t, id, test.query, test.last)
		events := parseSource(t, got.body)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/event-stream" || !slices.Equal(ids(events, ""), test.want) {
			t.Errorf("%s: %v", test.name, got)
		}
		last := events[len(events)-1]
		var end struct{ Reason string }
		if err := json.Unmarshal([]byte(last.data), &end); err != nil || last.name != "end" || end.Reason != "STREAM_END_REASON_COMPLETE" || last.id != "7" || last.retry != "0" {
			t.Errorf("%s: the last is %v, %v", test.name, last, err)
		}
		if wanted := strings.HasPrefix(test.name, "a snapshot"); wanted != (len(ids(events, "snapshot")) == 1) {
			t.Errorf("%s: snapshots %v", test.name, ids(events, "snapshot"))
		}
	}
	// A browser comes back after every end, unless it is told that there is none.
	if got := s.get(t, id, "", "7"); got.status != http.StatusNoContent || got.body != "" {
		t.Errorf("after the last event: %v", got)
	}
}

// TestEventSourceBeginsAnew asks for what is beyond the head: the reader forgets
// its place, and does not come back at once.
func TestEventSourceBeginsAnew(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	events := parseSource(t, s.get(t, p.BuildID.String(), "", "90").body)
	if last := events[0]; len(events) != 1 || last.name != "end" || last.id != "" || last.retry != "1000" || !strings.Contains(last.data, "RESYNC") {
		t.Errorf("got %v", events)
	}
}

func TestEventSourceRefuses(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p, other := s.build(t), s.build(t)
	s.append(t, p, mixed()...)
	foreign := resumeToken(s.service.tokens, other.BuildID, 0, 2)
	for _, test := range []struct {
		name, build, query, last string
		status                   int
		reason                   string
	}{
		{"unknown", uuid.NewString(), "", "", 404, "NOT_FOUND"},
		{"not an id", "salon", "", "", 404, "NOT_FOUND"},
		{"unknown class", p.BuildID.String(), "?classes=text,noise", "", 400, "INVALID_FIELD"},
		{"no class", p.BuildID.String(), "?classes=unspecified", "", 400, "INVALID_FIELD"},
		{"negative seq", p.BuildID.String(), "?after_seq=-1", "", 400, "INVALID_FIELD"},
		{"seq with a sign", p.BuildID.String(), "?after_seq=%2B1", "", 400, "INVALID_FIELD"},
		{"bad snapshot", p.BuildID.String(), "?snapshot=perhaps", "", 400, "INVALID_FIELD"},
		{"another build's token", p.BuildID.String(), "", foreign, 400, "RESUME_TOKEN_INVALID"},
		{"a stream id of Redis", p.BuildID.String(), "", "1719-0", 400, "RESUME_TOKEN_INVALID"},
		{"a negative id", p.BuildID.String(), "", "-1", 400, "RESUME_TOKEN_INVALID"},
		{"a huge id", p.BuildID.String(), "", "99999999999999999999", 400, "RESUME_TOKEN_INVALID"},
	} {
		got := s.get(t, test.build, test.query, test.last)
		if got.status != test.status || !strings.Contains(got.body, test.reason) {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestEventSourceFollowsALiveBuild(t *testing.T) {
	t.Parallel()
	s := serve(t, WithHeartbeat(50*time.Millisecond))
	p := s.build(t)
	lines := bufio.NewScanner(s.source(t, p.BuildID.String(), "?classes=text", "").Body)
	next := func(wanted string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == wanted {
				return
			}
		}
		t.Fatalf("%q never came: %v", wanted, lines.Err())
	}
	next("event: heartbeat")
	s.publish(t, p, textEvent("one"))
	next("id: 1")
	// What the filter leaves out moves the id of the heartbeats.
	s.publish(t, p, fileEvent("a.html"))
	next("event: heartbeat")
	next("id: 2")
	s.hub.Publish(s.end(t, p))
	next("event: end")
}

// TestTheSameBytesEverywhere compares what a stream, a page and server-sent
// events carry of the same log, in JSON.
func TestTheSameBytesEverywhere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	s.end(t, p)
	var sent []string
	for _, e := range parseSource(t, s.get(t, p.BuildID.String(), "", "").body) {
		if e.name == "" {
			sent = append(sent, e.data)
		}
	}
	body := fmt.Sprintf(`{"build_id":%q,"after_seq":"0"}`, p.BuildID)
	streamed := s.post(t, eventv1connect.EventServiceStreamEventsProcedure, "application/connect+json", envelope([]byte(body)))
	listed := s.post(t, eventv1connect.EventServiceListEventsProcedure, "application/json", []byte(body))
	if len(sent) != 7 {
		t.Fatalf("%d events were sent", len(sent))
	}
	for i, data := range sent {
		var e eventv1.BuildEvent
		if err := (jsonCodec{}).Unmarshal([]byte(data), &e); err != nil || e.GetSeq() != int64(i+1) {
			t.Errorf("event %d is %s, %v", i+1, data, err)
		}
		if !bytes.Contains(streamed, []byte(data)) {
			t.Errorf("the stream says of event %d something else than %s:\n%s", i+1, data, streamed)
		}
		if !bytes.Contains(listed, []byte(data)) {
			t.Errorf("the page says of event %d something else than %s:\n%s", i+1, data, listed)
		}
	}
}

func (s *site) post(t *testing.T, procedure, contentType string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+procedure, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "12", "-1", "+1", " 1", "01", "1719-0", "9223372036854775807", "9223372036854775808", "AQE", "\x00", "١"} {
		f.Add(seed)
	}
	codec, id := newTokens(f, 1), uuid.New()
	f.Add(resumeToken(codec, id, 0, 7))
	f.Fuzz(func(t *testing.T, last string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/builds/x/events", nil)
		r.SetPathValue("id", id.String())
		r.Header["Last-Event-Id"] = []string{last}
		req, err := sourceRequest(r)
		if err != nil {
			t.Fatalf("%q: %v", last, err)
		}
		seq := req.GetAfterSeq()
		if sealed := req.GetResumeToken(); sealed != "" {
			if seq, err = openResumeToken(codec, id, 0, sealed); err != nil {
				return // Refused, whatever it is.
			}
			if resumeToken(codec, id, 0, seq) != last {
				t.Fatalf("%q is taken for %d", last, seq)
			}
			return
		}
		if last != "" && strconv.FormatInt(seq, 10) != last || seq < 0 {
			t.Fatalf("%q is taken for %d", last, seq)
		}
	})
}
