package event

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/validate"
	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
)

// site is EventService behind a real listener, over a log of its own.
type site struct {
	*bundle

	hub     *Hub
	service *Service
	url     string

	mu sync.Mutex
	// caller is who calls; tests change it.
	caller auth.Principal
}

func serve(t testing.TB, opts ...ServiceOption) *site {
	t.Helper()
	s := &site{bundle: setup(t)}
	s.caller = auth.Principal{UserID: s.user, Role: auth.RoleUser, ExpireTime: time.Now().Add(time.Hour)}
	s.hub = NewHub(s.log, slog.New(slog.DiscardHandler))
	s.service = NewService(s.log, s.hub, newTokens(t, 1), s.describe, opts...)
	path, handler := eventv1connect.NewEventServiceHandler(s.service,
		connect.WithInterceptors(fault.NewInterceptor(slog.New(slog.DiscardHandler)), validate.NewInterceptor()), Codecs())
	mux := http.NewServeMux()
	mux.Handle(path, s.signedIn(handler))
	mux.Handle("GET /v1/builds/{id}/events", s.signedIn(s.service.EventSource(func(w http.ResponseWriter, r *http.Request, err error) {
		_ = connect.NewErrorWriter().Write(w, r, fault.Wire(err))
	})))
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// signedIn makes whoever calls the site's caller.
func (s *site) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), s.principal())))
	})
}

func (s *site) principal() auth.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller
}

func (s *site) become(p auth.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller = p
}

// client speaks HTTP/2 without TLS.
func (s *site) client(t testing.TB, opts ...connect.ClientOption) eventv1connect.EventServiceClient {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return eventv1connect.NewEventServiceClient(&http.Client{Transport: transport}, s.url, opts...)
}

// publish appends events and makes them known.
func (s *site) publish(t testing.TB, p Producer, events ...*eventv1.BuildEvent) {
	t.Helper()
	s.hub.Publish(s.append(t, p, events...))
}

// reading is a stream and what came of it.
type reading struct {
	t      testing.TB
	stream *connect.ServerStreamForClient[eventv1.StreamEventsResponse]
	events []*eventv1.BuildEvent
	// tokens are the resume tokens of all messages.
	tokens []string
	last   *eventv1.StreamEventsResponse
	count  int
}

func (s *site) open(t testing.TB, client eventv1connect.EventServiceClient, req *eventv1.StreamEventsRequest) *reading {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	stream, err := client.StreamEvents(ctx, req)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = stream.Close()
	})
	return &reading{t: t, stream: stream}
}

// next waits for a message and fails without one.
func (r *reading) next() *eventv1.StreamEventsResponse {
	r.t.Helper()
	if !r.stream.Receive() {
		r.t.Fatalf("the stream ended after %d messages: %v", r.count, r.stream.Err())
	}
	r.count++
	r.last = r.stream.Msg()
	r.events = append(r.events, r.last.GetEvents()...)
	r.tokens = append(r.tokens, r.last.GetResumeToken())
	return r.last
}

// until reads messages until one has what is wanted.
func (r *reading) until(done func(*eventv1.StreamEventsResponse) bool) *eventv1.StreamEventsResponse {
	r.t.Helper()
	for message := r.next(); !done(message); message = r.next() {
		r.t.Log("not yet:", message.GetHeadSeq())
	}
	return r.last
}

// finish reads to the end, which must come with a word and without an error.
func (r *reading) finish(reason eventv1.StreamEndReason) *eventv1.StreamEventsResponse {
	r.t.Helper()
	last := r.until(func(m *eventv1.StreamEventsResponse) bool { return m.GetEnd() != nil })
	if last.GetEnd().GetReason() != reason {
		r.t.Errorf("ended with %v", last.GetEnd())
	}
	if r.stream.Receive() || r.stream.Err() != nil {
		r.t.Errorf("behind the end: %v, %v", r.stream.Msg(), r.stream.Err())
	}
	return last
}

func eventSeqs(events []*eventv1.BuildEvent) []int64 {
	var all []int64
	for _, e := range events {
		all = append(all, e.GetSeq())
	}
	return all
}

func after(id uuid.UUID, seq int64, classes ...eventv1.EventClass) *eventv1.StreamEventsRequest {
	return &eventv1.StreamEventsRequest{
		BuildId: id.String(), Classes: classes, Start: &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: seq},
	}
}

func resume(id uuid.UUID, token string, classes ...eventv1.EventClass) *eventv1.StreamEventsRequest {
	return &eventv1.StreamEventsRequest{
		BuildId: id.String(), Classes: classes, Start: &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: token},
	}
}
