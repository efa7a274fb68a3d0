package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/grpchealth"
	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/store/storetest"
)

// A process that stops lives and is not ready; without Redis it is.
func TestHealth(t *testing.T) {
	t.Parallel()
	near := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: near.Addr(), MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	h := &health{db: storetest.New(t), redis: client}
	check := func(what string, want grpchealth.Status, code int, text string) {
		t.Helper()
		for _, service := range append(serviceNames(), "") {
			res, err := h.Check(t.Context(), &grpchealth.CheckRequest{Service: service})
			if err != nil || res.Status != want {
				t.Errorf("%s, %q: %v, %v", what, service, res, err)
			}
		}
		w := httptest.NewRecorder()
		h.ready(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
		if w.Code != code || strings.TrimSpace(w.Body.String()) != text {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		w = httptest.NewRecorder()
		h.live(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/livez", http.NoBody))
		if w.Code != http.StatusOK {
			t.Errorf("%s: not alive", what)
		}
	}
	check("running", grpchealth.StatusServing, http.StatusOK, "ready")
	near.Close()
	check("without Redis", grpchealth.StatusServing, http.StatusOK, "ready, without Redis")
	h.stopping.Store(true)
	check("stopping", grpchealth.StatusNotServing, http.StatusServiceUnavailable, "stopping")
	if _, err := h.Check(t.Context(), &grpchealth.CheckRequest{Service: "sheen.Nothing"}); err == nil {
		t.Error("an unknown service has a health")
	}
}

// The server does not start with a procedure that nobody thought of.
func TestEveryProcedureIsInTheAccessTable(t *testing.T) {
	t.Parallel()
	if len(procedures()) < 45 {
		t.Fatalf("only %d procedures are found", len(procedures()))
	}
	if _, err := newAccessInterceptor(accessTable()); err != nil {
		t.Fatal(err)
	}
	for _, procedure := range procedures() {
		table := accessTable()
		delete(table, procedure)
		if _, err := newAccessInterceptor(table); err == nil {
			t.Errorf("without %s the server starts", procedure)
		}
	}
	if len(accessTable()) != len(procedures()) {
		t.Errorf("%d entries for %d procedures", len(accessTable()), len(procedures()))
	}
}
