package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
)

const getBuild = "/sheen.build.v1.BuildService/GetBuild"

// Whatever is wrong with a request, and whoever finds it, the answer has exactly
// one ErrorInfo of ours.
func TestEveryErrorHasAnErrorInfo(t *testing.T) { //nolint:tparallel // one server, one request at a time
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	token := b.User(t).Token
	h2, h1 := servertest.Transport(t), &http.Transport{}
	t.Cleanup(h1.CloseIdleConnections)
	const stream = "/sheen.event.v1.EventService/StreamEvents"
	const big = 1<<20 + 1
	json := func(path, body string) *http.Request {
		return request(t, b.URL()+path, "application/json", []byte(body), token)
	}
	grpc := func(contentType string, message []byte) *http.Request {
		return request(t, b.URL()+getBuild, contentType, enveloped(message), token)
	}
	with := func(r *http.Request, name, value string) *http.Request { r.Header.Set(name, value); return r }
	chunked := func(r *http.Request) *http.Request {
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(r.Body)), -1
		return r
	}
	huge := strings.Repeat(" ", big)
	for name, test := range map[string]struct { //nolint:paralleltest // as above
		req          *http.Request
		reason, code string
	}{
		"undecodable":                {json(getBuild, `{"buildId": 7`), "MALFORMED_REQUEST", "invalid_argument"},
		"undecodable, of a secret":   {json(getBuild, `{"buildId": canary}`), "MALFORMED_REQUEST", "invalid_argument"},
		"undecodable proto":          {request(t, b.URL()+getBuild, "application/proto", []byte{0xff}, token), "MALFORMED_REQUEST", "invalid_argument"},
		"undecodable gRPC":           {grpc("application/grpc", []byte{0xff}), "MALFORMED_REQUEST", "3"},
		"undecodable gRPC-Web":       {grpc("application/grpc-web", []byte{0xff}), "MALFORMED_REQUEST", "3"},
		"gRPC without a message":     {request(t, b.URL()+getBuild, "application/grpc", nil, token), "MALFORMED_REQUEST", "12"},
		"gRPC cut short":             {request(t, b.URL()+getBuild, "application/grpc", enveloped([]byte("abc"))[:6], token), "MALFORMED_REQUEST", "3"},
		"undecodable stream":         {request(t, b.URL()+stream, "application/connect+json", enveloped([]byte(`{`)), token), "MALFORMED_REQUEST", "invalid_argument"},
		"stream cut short":           {request(t, b.URL()+stream, "application/connect+json", enveloped([]byte(`{}`))[:6], token), "MALFORMED_REQUEST", "invalid_argument"},
		"deep JSON":                  {json(getBuild, strings.Repeat(`{"a":`, 10_000)), "MALFORMED_REQUEST", "invalid_argument"},
		"bad field":                  {json(getBuild, `{"buildId": "7"}`), "INVALID_FIELD", "invalid_argument"},
		"bad field of a stream":      {request(t, b.URL()+stream, "application/connect+json", enveloped([]byte(`{"buildId":"7"}`)), token), "INVALID_FIELD", "invalid_argument"},
		"unknown procedure":          {json("/sheen.build.v1.BuildService/Nothing", `{}`), "UNIMPLEMENTED", "unimplemented"},
		"unknown procedure of gRPC":  {request(t, b.URL()+"/sheen.build.v1.BuildService/Nothing", "application/grpc", enveloped(nil), token), "UNIMPLEMENTED", "12"},
		"too large":                  {json(getBuild, huge+"      "), "PAYLOAD_TOO_LARGE", "resource_exhausted"},
		"a byte too large":           {json(getBuild, huge), "PAYLOAD_TOO_LARGE", "resource_exhausted"},
		"too large, in chunks":       {chunked(json(getBuild, huge+"      ")), "PAYLOAD_TOO_LARGE", "resource_exhausted"},
		"a byte too large in chunks": {chunked(json(getBuild, huge)), "PAYLOAD_TOO_LARGE", "resource_exhausted"},
		"too large for gRPC":         {grpc("application/grpc", make([]byte, big+9)), "PAYLOAD_TOO_LARGE", "8"},
		"too large for gRPC-Web":     {chunked(grpc("application/grpc-web", make([]byte, big+9))), "PAYLOAD_TOO_LARGE", "8"},
		"a claim of 4 GiB":           {request(t, b.URL()+getBuild, "application/grpc", []byte{0, 0xff, 0xff, 0xff, 0xff}, token), "PAYLOAD_TOO_LARGE", "8"},
		"a claim of 4 GiB, streamed": {request(t, b.URL()+stream, "application/connect+json", []byte{0, 0xff, 0xff, 0xff, 0xff}, token), "PAYLOAD_TOO_LARGE", "resource_exhausted"},
		"compressed":                 {with(json(getBuild, `{}`), "Content-Encoding", "gzip"), "MALFORMED_REQUEST", "unimplemented"},
		"compressed oddly":           {with(json(getBuild, `{}`), "Content-Encoding", "br"), "MALFORMED_REQUEST", "unimplemented"},
		"compressed gRPC":            {with(grpc("application/grpc", nil), "Grpc-Encoding", "gzip"), "MALFORMED_REQUEST", "12"},
		"compressed stream":          {with(request(t, b.URL()+stream, "application/connect+json", enveloped(nil), token), "Connect-Content-Encoding", "gzip"), "MALFORMED_REQUEST", "unimplemented"},
		"an odd timeout":             {with(json(getBuild, `{}`), "Connect-Timeout-Ms", "soon"), "MALFORMED_REQUEST", "invalid_argument"},
		"an odd timeout of gRPC":     {with(grpc("application/grpc", nil), "Grpc-Timeout", "1 day"), "MALFORMED_REQUEST", "3"},
		"another protocol version":   {with(json(getBuild, `{}`), "Connect-Protocol-Version", "2"), "MALFORMED_REQUEST", "invalid_argument"},
		"a content type":             {request(t, b.URL()+getBuild, "text/plain", []byte(`{}`), token), "MALFORMED_REQUEST", "invalid_argument"},
		"no content type":            {request(t, b.URL()+getBuild, "", []byte(`{}`), token), "MALFORMED_REQUEST", "invalid_argument"},
		"unary type for a stream":    {json(stream, `{}`), "MALFORMED_REQUEST", "invalid_argument"},
		"a method":                   {get(t, b.URL()+"/sheen.build.v1.BuildService/StartBuild?encoding=json&message=%7B%7D", token), "MALFORMED_REQUEST", "invalid_argument"},
		"GET without a message":      {get(t, b.URL()+getBuild+"?encoding=json", token), "MALFORMED_REQUEST", "invalid_argument"},
		"GET in another codec":       {get(t, b.URL()+getBuild+"?encoding=xml&message=%7B%7D", token), "MALFORMED_REQUEST", "invalid_argument"},
		"GET compressed":             {get(t, b.URL()+getBuild+"?encoding=json&message=%7B%7D&compression=gzip", token), "MALFORMED_REQUEST", "unimplemented"},
		"GET of a bad field":         {get(t, b.URL()+getBuild+"?encoding=json&message=%7B%7D", token), "INVALID_FIELD", "invalid_argument"},
		"nobody":                     {request(t, b.URL()+getBuild, "application/json", []byte(`{}`), ""), "UNAUTHENTICATED", "unauthenticated"},
		"nobody in no protocol":      {request(t, b.URL()+getBuild, "text/plain", []byte(`{}`), ""), "UNAUTHENTICATED", "unauthenticated"},
		"nobody by gRPC-Web":         {request(t, b.URL()+getBuild, "application/grpc-web", enveloped(nil), ""), "UNAUTHENTICATED", "16"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := http.RoundTripper(h2)
			if strings.HasPrefix(name, "GET") {
				transport = h1
			}
			got := do(t, transport, test.req)
			if got.err == nil || got.err.reason(t) != test.reason || got.err.Code != test.code {
				t.Fatalf("answered %d, %+v: %q", got.status, got.err, got.body)
			}
			for _, theirs := range []string{"canary", "unmarshal", "proto:", "EOF", "syntax error"} {
				if bytes.Contains(got.body, []byte(theirs)) || strings.Contains(got.err.Message, theirs) {
					t.Errorf("the text is not ours: %q, %q", got.err.Message, got.body)
				}
			}
			if limit := (&errorv1.PayloadLimit{}); test.reason == "PAYLOAD_TOO_LARGE" && (!got.err.detail(t, limit) || limit.GetLimitBytes() != 1<<20) {
				t.Errorf("the limit is told as %v", limit)
			}
		})
	}
}

func get(t *testing.T, target, token string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// The prompt has 1 to 16384 bytes.
func TestBoundsOfAPrompt(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	client, token := servertest.Transport(t), b.User(t).Token
	for size, want := range map[int]string{0: "INVALID_FIELD", 1: "", 16384: "", 16385: "PAYLOAD_TOO_LARGE", 16385 * 2: "PAYLOAD_TOO_LARGE"} {
		body := `{"prompt":"` + strings.Repeat("x", size) + `"}`
		res := do(t, client, request(t, b.URL()+"/sheen.build.v1.BuildService/StartBuild", "application/json", []byte(body), token))
		if got := res.err.reason(t); got != want {
			t.Errorf("%d bytes: %q", size, got)
			continue
		}
		if want == "" {
			continue
		}
		limit, violations := &errorv1.PayloadLimit{}, &validate.Violations{}
		if res.err.Code != "invalid_argument" || !res.err.detail(t, violations) || len(violations.GetViolations()) != 1 {
			t.Errorf("%d bytes: %+v", size, res.err)
		}
		if res.err.detail(t, limit) != (size > 0) || size > 0 && (limit.GetLimitBytes() != 16384 || limit.GetActualBytes() != int64(size)) {
			t.Errorf("%d bytes: the limit is told as %v", size, limit)
		}
	}
}

// A call whose time is over says so, however it notices.
func TestACallWithoutTime(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	req := request(t, b.URL()+"/sheen.build.v1.BuildService/ListBuilds", "application/json", []byte(`{}`), b.User(t).Token)
	req.Header.Set("Connect-Timeout-Ms", "0")
	if got := do(t, servertest.Transport(t), req).err; got.reason(t) != "CALL_ENDED" || got.Code != "deadline_exceeded" {
		t.Errorf("answered %+v", got)
	}
}

// Reads are served by GET.
func TestReadsByGET(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {"{}"}}
	res := do(t, http.DefaultTransport, get(t, b.URL()+"/sheen.build.v1.BuildService/GetLifecycle?"+query.Encode(), b.User(t).Token))
	if res.status != http.StatusOK || !bytes.Contains(res.body, []byte("BUILD_STATE_QUEUED")) {
		t.Errorf("answered %d: %s", res.status, res.body)
	}
	if res.header.Get("Cache-Control") != "no-store, no-transform" || res.header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("a cache may store it: %v", res.header)
	}
}
