package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// sendTimeout bounds an attempt, from the resolving of the name to the end of
	// the answer.
	sendTimeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, in bytes, so that its connection
	// can be used again. Nothing is made of it.
	maxAnswer = 64 << 10
)

// What an owner is told of an attempt that failed. The whole error could tell of
// the network around this process.
const (
	failedStatus   = "status"
	failedTimeout  = "timeout"
	failedRefused  = "address_refused"
	failedName     = "host_unknown"
	failedTLS      = "tls"
	failedConnect  = "connection"
	failedInternal = "internal"
)

// answer is how an attempt ended.
type answer struct {
	// status is the HTTP status; 0 if there was none.
	status int
	// failure is empty if the delivery was taken.
	failure string
	// retryAfter is the pause that the receiver asks for; 0 if it does not.
	retryAfter time.Duration
}

// sender makes attempts. It is safe for concurrent use.
type sender struct {
	guard   *guard
	client  *http.Client
	timeout time.Duration
}

func newSender(g *guard) *sender {
	return &sender{guard: g, timeout: sendTimeout, client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // It would connect on our behalf, past the guard.
			DialContext:            g.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConnsPerHost:    2,
			MaxIdleConns:           64,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send makes one attempt.
func (s *sender) send(ctx context.Context, url string, header http.Header, body []byte, now time.Time) answer {
	if s.guard.check(url) != nil { // What is allowed may have changed.
		return answer{failure: failedRefused}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer{failure: failedInternal}
	}
	req.Header = header
	res, err := s.client.Do(req)
	if err != nil {
		return answer{failure: failureOf(err)}
	}
	defer func() { _ = res.Body.Close() }()
	// The status has said it all; how the answer ends changes nothing.
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	got := answer{status: res.StatusCode}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		got.failure = failedStatus
		got.retryAfter = retryAfter(res.Header.Get("Retry-After"), now)
	}
	return got
}

// retryAfter reads a header in either of its forms; 0 if it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func failureOf(err error) string {
	if errors.Is(err, errRefused) {
		return failedRefused
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return failedTimeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return failedName
	}
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	if alert || record || certificate {
		return failedTLS
	}
	return failedConnect
}
