package billing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// maxWebhook is the largest body of a webhook that is read, in bytes.
	maxWebhook = 1 << 20
	// webhookTimeout is what sending an event's body may take, and what recording
	// it may; providers wait longer.
	webhookTimeout = 10 * time.Second
)

// ServeHTTP is the webhook of the payment provider: POST, with the signature over
// the raw body. It answers without a body: 200 once the event is recorded, also if it was
// before and if it is none of Sheen's business; 400 for what the provider has
// not signed lately; 408 for a body that takes more than 10 s and 413 for one of more than 1 MiB; 503
// where the provider shall try again.
func (p *Purchases) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	body, err := readWebhook(w, r)
	if err != nil {
		p.metrics.count(webhookUnreadable)
		w.WriteHeader(unreadableStatus(err))
		return
	}
	event, err := p.payments.Event(r.Header, body, p.clock())
	if err != nil {
		// Anybody may call: the counter tells, not a line of the log for each.
		p.log.DebugContext(r.Context(), "webhook of payments refused", "cause", err)
		p.metrics.count(webhookRefused)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if event.Kind == "" {
		p.metrics.count(webhookForeign)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), webhookTimeout)
	defer cancel()
	if err := p.Record(ctx, event, body); err != nil {
		p.log.ErrorContext(ctx, "payment event is not recorded", "event", event.ID, "kind", event.Kind, "cause", err)
		p.metrics.count(webhookFailed)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.metrics.count(webhookRecorded)
	p.log.InfoContext(ctx, "payment event", "event", event.ID, "kind", event.Kind, "purchase", event.PurchaseID)
}

// readWebhook reads a body, in bounded time: nobody has signed in who sends it.
func readWebhook(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	if err := conn.SetReadDeadline(time.Now().Add(webhookTimeout)); err != nil {
		return nil, err //nolint:wrapcheck // it only chooses a status
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		return nil, err //nolint:wrapcheck // it only chooses a status
	}
	return body, conn.SetReadDeadline(time.Time{}) //nolint:wrapcheck // it only chooses a status
}

func unreadableStatus(err error) int {
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}
