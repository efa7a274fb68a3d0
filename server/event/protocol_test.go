package event

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server/auth"
)

func TestEveryProtocolSaysTheSame(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	s.end(t, p)
	plain := s.open(t, s.client(t), after(p.BuildID, 0))
	plain.finish(endComplete)
	token := resumeToken(s.service.tokens, p.BuildID, 0, 4)
	for _, test := range []struct {
		name string
		opts []connect.ClientOption
	}{
		{"Connect", nil},
		{"Connect JSON", []connect.ClientOption{connect.WithProtoJSON()}},
		{"gRPC", []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC JSON", []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
		{"gRPC-Web", []connect.ClientOption{connect.WithGRPCWeb()}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			http1 := &http.Transport{}
			t.Cleanup(http1.CloseIdleConnections)
			clients := map[string]eventv1connect.EventServiceClient{"HTTP/2": s.client(t, test.opts...)}
			if !strings.HasPrefix(test.name, "gRPC ") && test.name != "gRPC" { // which needs HTTP/2
				clients["HTTP/1.1"] = eventv1connect.NewEventServiceClient(&http.Client{Transport: http1}, s.url, test.opts...)
			}
			for version, client := range clients {
				r := s.open(t, client, after(p.BuildID, 0))
				r.finish(endComplete)
				if !slices.EqualFunc(r.events, plain.events, func(a, b *eventv1.BuildEvent) bool { return proto.Equal(a, b) }) {
					t.Errorf("%s: %v", version, r.events)
				}
				r = s.open(t, client, resume(p.BuildID, token))
				r.finish(endComplete)
				if !slices.Equal(eventSeqs(r.events), span64(5, 7)) {
					t.Errorf("%s, resumed: %v", version, eventSeqs(r.events))
				}
				stream, err := client.StreamEvents(t.Context(), resume(p.BuildID, token[:30]))
				if err != nil {
					t.Fatal(err)
				}
				if stream.Receive() {
					t.Errorf("%s: %v", version, stream.Msg())
				}
				checkFault(t, stream.Err(), connect.CodeInvalidArgument, "RESUME_TOKEN_INVALID")
				_ = stream.Close()
			}
		})
	}
}

// raw posts a body and returns everything that comes back but for the date.
func (s *site) raw(t *testing.T, procedure, contentType string, body []byte) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+procedure, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Del("Date")
	return fmt.Sprintf("%d %v %v %q", res.StatusCode, res.Header, res.Trailer, answer)
}

// envelope puts a message of a stream behind its prefix.
func envelope(message []byte) []byte {
	return append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...)
}

func TestAnothersBuildLooksLikeNone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.build(t)
	s.append(t, p, mixed()...)
	token := resumeToken(s.service.tokens, p.BuildID, 0, 2)
	asked := func(id uuid.UUID) map[string]string {
		answers := make(map[string]string)
		for name, message := range map[string]string{
			"plain":    fmt.Sprintf(`{"build_id":%q}`, id),
			"token":    fmt.Sprintf(`{"build_id":%q,"resume_token":%q}`, id, token),
			"damaged":  fmt.Sprintf(`{"build_id":%q,"resume_token":"AAAA"}`, id),
			"beyond":   fmt.Sprintf(`{"build_id":%q,"after_seq":"900"}`, id),
			"snapshot": fmt.Sprintf(`{"build_id":%q,"snapshot":true}`, id),
		} {
			answers["stream, "+name] = s.raw(t, eventv1connect.EventServiceStreamEventsProcedure, "application/connect+json", envelope([]byte(message)))
			answers["gRPC-Web, "+name] = s.raw(t, eventv1connect.EventServiceStreamEventsProcedure, "application/grpc-web+json", envelope([]byte(message)))
		}
		list := fmt.Sprintf(`{"build_id":%q,"wait":"0.1s"}`, id)
		for _, query := range []string{"", "?after_seq=900", "?classes=text", "?snapshot=true"} {
			answers["events"+query] = s.get(t, id.String(), query, "").String()
		}
		answers["list"] = s.raw(t, eventv1connect.EventServiceListEventsProcedure, "application/json", []byte(list))
		return answers
	}
	s.become(auth.Principal{UserID: uuid.New(), Role: auth.RoleUser})
	others, unknown := asked(p.BuildID), asked(uuid.New())
	for name, answer := range others {
		if answer != unknown[name] || !strings.Contains(answer, "There is no such thing") {
			t.Errorf("%s:\nanother's: %s\nunknown:   %s", name, answer, unknown[name])
		}
	}
	s.become(auth.Principal{})
	if _, err := s.client(t).ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: p.BuildID.String()}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("nobody: %v", err)
	}
}
