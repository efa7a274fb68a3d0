// Package s3test gives a test an S3-compatible store on loopback, which can be
// made to fail.
package s3test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Bucket is the one that a [Server] has.
const Bucket = "sheen"

// Server is a store with an empty bucket.
type Server struct {
	// Endpoint is the address, without a final slash.
	Endpoint string

	fails    atomic.Pointer[http.HandlerFunc]
	requests atomic.Int64
	failed   atomic.Int64
}

// Start runs a store until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(Bucket); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	store := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	s := &Server{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if fail := s.fails.Load(); fail != nil {
			s.failed.Add(1)
			(*fail)(w, r)
			return
		}
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	s.Endpoint = front.URL
	return s
}

// URL is the bucket's address, as a setting takes it.
func (s *Server) URL(prefix string) string {
	return "s3://" + Bucket + "?region=us-east-1&endpoint=" + s.Endpoint + "&prefix=" + prefix
}

// Requests is how many came.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Failed is how many of them were made to fail.
func (s *Server) Failed() int64 { return s.failed.Load() }

// Down makes every request fail from now on, as a store that is away does.
func (s *Server) Down() { s.Fail(http.StatusServiceUnavailable, "ServiceUnavailable") }

// Up ends every failure.
func (s *Server) Up() { s.fails.Store(nil) }

// Fail answers every request with a status and S3's code for it from now on.
func (s *Server) Fail(status int, code string) {
	fail := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>on purpose</Message></Error>`))
	})
	s.fails.Store(&fail)
}

// Cut answers every request with the first bytes of a longer content from now on.
func (s *Server) Cut() {
	cut := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const sent = "the first bytes"
		w.Header().Set("Content-Length", strconv.Itoa(10*len(sent)))
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		_, _ = w.Write([]byte(strings.Clone(sent)))
	})
	s.fails.Store(&cut)
}
