package server

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"
)

const (
	headerRequestID = "X-Request-Id"
	// headerTraceRequestID is the name under which browsers of the earlier
	// system send theirs.
	headerTraceRequestID = "X-Trace-Request-Id"
	headerTraceParent    = "Traceparent"
)

var (
	requestIDForm   = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	traceParentForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// logged gives every request an id, takes over the caller's id and trace context
// if they are well formed, echoes both, and logs how the request ended. What a
// caller sends is for the log only and proves nothing.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r = traced(w.Header(), r)
		next.ServeHTTP(w, r)
		logRequest(log, r, start)
	})
}

// traced returns the request with its attributes for the log, and tells the caller
// which they are.
func traced(answer http.Header, r *http.Request) *http.Request {
	attrs := []slog.Attr{slog.String("request_id", requestID(r))}
	answer.Set(headerRequestID, attrs[0].Value.String())
	if parent := r.Header.Get(headerTraceParent); traceParentForm.MatchString(parent) {
		answer.Set(headerTraceParent, parent)
		attrs = append(attrs, slog.String("trace_id", parent[3:35]))
	}
	return r.WithContext(context.WithValue(r.Context(), attrsKey{}, attrs))
}

func logRequest(log *slog.Logger, r *http.Request, start time.Time) {
	log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "protocol", r.Proto,
		"duration", time.Since(start))
}

func requestID(r *http.Request) string {
	for _, name := range []string{headerRequestID, headerTraceRequestID} {
		if id := r.Header.Get(name); requestIDForm.MatchString(id) {
			return id
		}
	}
	return uuid.NewString()
}

type attrsKey struct{}

// requestLog is a log handler that adds the request's attributes.
type requestLog struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h requestLog) Handle(ctx context.Context, record slog.Record) error {
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		record.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // a handler's own error
}

// WithAttrs implements [slog.Handler].
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h requestLog) WithGroup(name string) slog.Handler {
	return requestLog{h.Handler.WithGroup(name)}
}
