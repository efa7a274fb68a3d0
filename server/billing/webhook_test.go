package billing_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/billing"
)

// timedWriter keeps the deadlines that reading a body was given.
type timedWriter struct {
	*httptest.ResponseRecorder

	deadlines []time.Time
}

func (w *timedWriter) SetReadDeadline(deadline time.Time) error {
	w.deadlines = append(w.deadlines, deadline)
	return nil
}

// post delivers a webhook and returns the status.
func (m *market) post(ctx context.Context, body []byte, signature string) int {
	m.t.Helper()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/payments/webhook", bytes.NewReader(body))
	req.Header.Set("Signature", signature)
	res := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
	begin := time.Now()
	m.ServeHTTP(res, req)
	if len(res.deadlines) == 0 || res.deadlines[0].Sub(begin) > 11*time.Second || res.deadlines[0].Before(begin) {
		m.t.Errorf("the body was read until %v", res.deadlines)
	}
	if res.Code != http.StatusRequestEntityTooLarge && !res.deadlines[len(res.deadlines)-1].IsZero() {
		m.t.Errorf("the deadline stays: %v", res.deadlines)
	}
	if res.Body.Len() > 0 {
		m.t.Errorf("the answer has a body: %q", res.Body)
	}
	return res.Code
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	purchase := m.buy(m.account)
	body, err := json.Marshal(paid(purchase))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name      string
		ctx       context.Context
		body      []byte
		signature string
		want      int
		recorded  int
	}{
		{"not signed", t.Context(), body, "", http.StatusBadRequest, 0},
		{"signed by another", t.Context(), body, "theirs", http.StatusBadRequest, 0},
		{"too large", t.Context(), bytes.Repeat([]byte(" "), 1<<20+1), "ours", http.StatusRequestEntityTooLarge, 0},
		{"not JSON", t.Context(), []byte("{"), "ours", http.StatusBadRequest, 0},
		{"none of our business", t.Context(), []byte(`{"ID":"x"}`), "ours", http.StatusOK, 0},
		{"store away", ended, body, "ours", http.StatusServiceUnavailable, 0},
		{"good", t.Context(), body, "ours", http.StatusOK, 1},
		{"again", t.Context(), body, "ours", http.StatusOK, 1},
	} {
		if got := m.post(test.ctx, test.body, test.signature); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
		if n := m.count("select count(*) from payment_event"); n != test.recorded {
			t.Errorf("%s: %d events are recorded, want %d", test.name, n, test.recorded)
		}
	}
	for result, n := range map[string]float64{"recorded": 2, "foreign": 1, "refused": 3, "unreadable": 1, "failed": 1} {
		m.wantTold(result, n)
	}
	m.wantBought(m.account, 3600)
	if n := m.count("select count(*) from payment_event where body = $1", body); n != 1 {
		t.Error("what was signed is not what is kept")
	}
}

// Who sends no body, or a drop of it now and then, is not waited for.
func TestWebhookOfASlowCaller(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.ServeHTTP(hurried{w}, r)
	}))
	t.Cleanup(srv.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /v1/payments/webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("answered %d", res.StatusCode)
	}
	m.wantTold("unreadable", 1)
}

// hurried gives 10 s less than it is asked for, and a little.
type hurried struct{ http.ResponseWriter }

func (w hurried) SetReadDeadline(deadline time.Time) error {
	if !deadline.IsZero() {
		deadline = deadline.Add(50*time.Millisecond - 10*time.Second)
	}
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(deadline)
}

// Anybody may post what is not signed; it is counted and fills no log.
func TestWebhookKeepsQuietAboutStrangers(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	var said bytes.Buffer
	m.Purchases = billing.NewPurchases(billing.PurchaseOptions{
		DB: m.db, Ledger: m.Ledger, Payments: m.provider, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	for range 3 {
		if got := m.post(t.Context(), []byte("{}"), "theirs"); got != http.StatusBadRequest {
			t.Errorf("answered %d", got)
		}
	}
	if said.Len() > 0 {
		t.Errorf("the log says %s", &said)
	}
}

// The largest body that is read is one of 1 MiB.
func TestWebhookOfOneMebibyte(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	body, err := json.Marshal(paid(m.buy(m.account)))
	if err != nil {
		t.Fatal(err)
	}
	body = append(body, strings.Repeat(" ", 1<<20-len(body))...)
	if got := m.post(t.Context(), body, "ours"); got != http.StatusOK {
		t.Errorf("answered %d", got)
	}
	m.wantBought(m.account, 3600)
}

var _ billing.Payments = (*provider)(nil)
