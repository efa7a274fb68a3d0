package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
)

// maxMessageBytes bounds what one message may make the client hold: above the
// largest file of a site (20 MiB) and every frame of a stream (256 KiB).
const maxMessageBytes = 32 << 20

// Client is a connection to one Sheen server. It is safe for concurrent use.
type Client struct {
	// Builds starts, stops and repeats builds and reads what they made.
	Builds buildv1connect.BuildServiceClient
	// Events reads and writes the event log; see Follow for reading a build.
	Events eventv1connect.EventServiceClient
	// Billing reads balances and receipts, and for services moves AI time.
	Billing billingv1connect.BillingServiceClient
	// Recommendations says what to build next.
	Recommendations recommendationv1connect.RecommendationServiceClient

	http        *http.Client
	token       TokenSource
	refreshable bool
	traceparent func(ctx context.Context) string
	timing      timing
}

// timing is how the client waits; tests replace it.
type timing struct {
	// sleep waits for d or until ctx ends; then it returns the cause.
	sleep func(ctx context.Context, d time.Duration) error
	// jitter returns a random span from 0 to below limit.
	jitter func(limit time.Duration) time.Duration
	// patience is for how long a stream may be silent.
	patience time.Duration
}

// TokenSource returns the bearer token of the next request. It is called for
// every attempt, from several goroutines at once, and once more after the
// server refused a token: return a fresh one then.
type TokenSource func(ctx context.Context) (string, error)

// Option changes how a client behaves.
type Option func(*Client)

// WithToken signs every request with the source's token.
func WithToken(source TokenSource) Option {
	return func(c *Client) { c.token, c.refreshable = source, true }
}

// WithStaticToken signs every request with one token.
func WithStaticToken(token string) Option {
	return func(c *Client) {
		c.token = func(context.Context) (string, error) { return token, nil }
		c.refreshable = false
	}
}

// WithTraceparent gives every request the W3C trace context that the function
// finds in the call's context; "" leaves it out.
func WithTraceparent(traceparent func(ctx context.Context) string) Option {
	return func(c *Client) { c.traceparent = traceparent }
}

// WithHTTPClient replaces [NewHTTPClient]'s transport, for instance by one that
// trusts a private certificate authority. Its Timeout must be 0: it would cut
// streams.
func WithHTTPClient(client *http.Client) Option {
	return func(c *Client) { c.http = client }
}

// New returns a client of the server at baseURL, such as
// "https://sheen.example.com". It connects at the first call. If baseURL is not
// an http or https address, every call returns an error that says so.
func New(baseURL string, opts ...Option) *Client {
	c := &Client{timing: timing{sleep: sleep, jitter: jitter, patience: patience}}
	for _, opt := range opts {
		opt(c)
	}
	baseURL = strings.TrimRight(baseURL, "/")
	misuse := checkBaseURL(baseURL)
	if misuse != nil {
		baseURL = "http://invalid"
	}
	if c.http == nil {
		c.http = NewHTTPClient(baseURL)
	}
	wire := connect.WithClientOptions(
		connect.WithReadMaxBytes(maxMessageBytes),
		connect.WithInterceptors(
			callScope{},
			&retries{timing: c.timing, refreshable: c.refreshable},
			&attempts{misuse: misuse, token: c.token, traceparent: c.traceparent},
		),
	)
	c.Builds = buildSessions{buildv1connect.NewBuildServiceClient(c.http, baseURL, wire)}
	c.Events = eventv1connect.NewEventServiceClient(c.http, baseURL, wire)
	c.Billing = billingv1connect.NewBillingServiceClient(c.http, baseURL, wire)
	c.Recommendations = recommendationSessions{recommendationv1connect.NewRecommendationServiceClient(c.http, baseURL, wire)}
	return c
}

// CloseIdleConnections closes the connections that no call uses at the moment.
// The client stays usable.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func checkBaseURL(baseURL string) error {
	u, err := url.Parse(baseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &Error{
			Code:    connect.CodeInvalidArgument,
			Message: fmt.Sprintf("the server's address %q is not an http or https address", baseURL),
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit) //nolint:gosec // spreads load, guards nothing
}
