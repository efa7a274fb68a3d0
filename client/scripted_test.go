package client_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

const buildID = "0199c0de-0000-7000-8000-000000000001"

// step is one thing that the scripted server does on a stream.
type step func(ctx context.Context, s *scripted, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error

// scripted is a server of one build that misbehaves as it is told: the n-th
// stream runs the n-th script, and further ones the last.
type scripted struct {
	eventv1connect.UnimplementedEventServiceHandler

	url     string
	scripts [][]step

	// positions are what the client reports, so that a cut loses nothing that
	// was meant to arrive.
	positions chan client.Position

	mu     sync.Mutex
	sent   string
	conns  []net.Conn
	starts []string
	tokens []string
}

type writerKey struct{}

// newScripted starts the server on loopback.
func newScripted(t *testing.T, scripts ...[]step) *scripted {
	t.Helper()
	s, stop, err := startScripted(scripts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// startScripted is newScripted for examples.
func startScripted(scripts ...[]step) (s *scripted, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s = &scripted{scripts: scripts, positions: make(chan client.Position, 100), url: "http://" + listener.Addr().String()}
	stop = s.serve(listener)
	return s, stop, nil
}

// serve answers until stop is called.
func (s *scripted) serve(listener net.Listener) (stop func()) {
	_, handler := eventv1connect.NewEventServiceHandler(s)
	server := &http.Server{Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.tokens = append(s.tokens, r.Header.Get("Authorization"))
		s.mu.Unlock()
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), writerKey{}, w)))
	})
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	return func() {
		s.closeAll()
		_ = server.Close()
		<-served
	}
}

func (s *scripted) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

func (s *scripted) StreamEvents(ctx context.Context, req *eventv1.StreamEventsRequest, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
	s.mu.Lock()
	n := min(len(s.starts), len(s.scripts)-1)
	s.starts = append(s.starts, startOf(req))
	s.mu.Unlock()
	for _, do := range s.scripts[n] {
		if err := do(ctx, s, stream); err != nil {
			return err
		}
	}
	return nil
}

func (s *scripted) seen() (starts, tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts, s.tokens
}

// sending notes the newest token that is on its way.
func (s *scripted) sending(token string) {
	if token == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = token
}

// awaitArrival waits until the client stands at the newest token.
func (s *scripted) awaitArrival(ctx context.Context) {
	s.mu.Lock()
	token := s.sent
	s.sent = ""
	s.mu.Unlock()
	for token != "" {
		select {
		case p := <-s.positions:
			if p.Token == token {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func startOf(req *eventv1.StreamEventsRequest) string {
	start := "after " + string(rune('0'+req.GetAfterSeq()))
	if token := req.GetResumeToken(); token != "" {
		start = token
	}
	if tag := req.GetLocale(); tag != "" {
		start += " in " + tag
	}
	return start
}

// event makes the event with that seq; the tenth is the last of its build.
func event(seq int64) *eventv1.BuildEvent {
	e := &eventv1.BuildEvent{BuildId: buildID, Seq: seq, Payload: &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: "x"}}}
	if seq == lastSeq {
		e.Payload = &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{}}
	}
	return e
}

const lastSeq = 9

func message(seqs ...int64) *eventv1.StreamEventsResponse {
	msg := &eventv1.StreamEventsResponse{HeadSeq: lastSeq}
	for _, seq := range seqs {
		msg.Events = append(msg.Events, event(seq))
		msg.ResumeToken = "token " + string(rune('0'+seq))
	}
	return msg
}

func send(seqs ...int64) step {
	return func(_ context.Context, s *scripted, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		msg := message(seqs...)
		s.sending(msg.GetResumeToken())
		return stream.Send(msg)
	}
}

func heartbeat(token string) step {
	return func(_ context.Context, s *scripted, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		s.sending(token)
		return stream.Send(&eventv1.StreamEventsResponse{ResumeToken: token})
	}
}

func end(reason eventv1.StreamEndReason, after time.Duration, head int64) step {
	return func(_ context.Context, _ *scripted, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		return stream.Send(&eventv1.StreamEventsResponse{HeadSeq: head, End: &eventv1.StreamEnd{Reason: reason, ReconnectAfter: durationpb.New(after)}})
	}
}

func reconnect(after time.Duration) step {
	return end(eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT, after, 0)
}

// fail ends the stream with an error of Sheen.
func fail(code connect.Code, reason string, details ...proto.Message) step {
	return func(context.Context, *scripted, *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		return sheenError(code, reason, details...)
	}
}

func sheenError(code connect.Code, reason string, details ...proto.Message) error {
	err := connect.NewError(code, errors.New("refused by the script"))
	for _, d := range append([]proto.Message{&errdetails.ErrorInfo{Domain: "sheen", Reason: reason}}, details...) {
		detail, detailErr := connect.NewErrorDetail(d)
		if detailErr != nil {
			return detailErr
		}
		err.AddDetail(detail)
	}
	err.Meta().Set(client.RequestIDHeader, "request-1")
	return err
}

// cut closes every connection of the server under the stream's feet.
func cut() step {
	return func(ctx context.Context, s *scripted, _ *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		s.awaitArrival(ctx)
		s.closeAll()
		<-ctx.Done()
		return ctx.Err()
	}
}

// half writes the first half of a message and then ends the response.
func half(seqs ...int64) step {
	return func(ctx context.Context, s *scripted, _ *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		s.awaitArrival(ctx)
		body, err := proto.Marshal(message(seqs...))
		if err != nil {
			return err
		}
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body)))
		frame = append(frame, body[:len(body)/2]...)
		w, _ := ctx.Value(writerKey{}).(http.ResponseWriter)
		if _, err := w.Write(frame); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		panic(http.ErrAbortHandler)
	}
}

// unsaid ends the response cleanly without a word about why.
func unsaid() step {
	return func(context.Context, *scripted, *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		return nil
	}
}

// silence says nothing until the client gives up.
func silence() step {
	return func(ctx context.Context, _ *scripted, _ *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		<-ctx.Done()
		return ctx.Err()
	}
}
