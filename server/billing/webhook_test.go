package billing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/billing"
)

// post delivers a webhook and returns the status.
func (m *market) post(ctx context.Context, body []byte, signature string) int {
	m.t.Helper()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/payments/webhook", bytes.NewReader(body))
	req.Header.Set("Signature", signature)
	res := httptest.NewRecorder()
	m.ServeHTTP(res, req)
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
	m.wantBought(m.account, 3600)
	if n := m.count("select count(*) from payment_event where body = $1", body); n != 1 {
		t.Error("what was signed is not what is kept")
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
