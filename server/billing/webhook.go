package billing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// maxWebhook is the largest body of a webhook that is read, in bytes.
	maxWebhook = 1 << 20
	// webhookTimeout is what recording an event may take; providers wait longer.
	webhookTimeout = 10 * time.Second
)

// ServeHTTP is the webhook of the payment provider: POST, with the signature over
// the raw body. It answers without a body: 200 once the event is recorded, also if it was
// before and if it is none of Sheen's business; 400 for what the provider has
// not signed lately; 413 for more than 1 MiB; 503 where the provider shall try
// again.
func (p *Purchases) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	event, err := p.payments.Event(r.Header, body, p.clock())
	if err != nil {
		p.log.WarnContext(r.Context(), "webhook of payments refused", "cause", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if event.Kind == "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), webhookTimeout)
	defer cancel()
	if err := p.Record(ctx, event, body); err != nil {
		p.log.ErrorContext(ctx, "payment event is not recorded", "event", event.ID, "kind", event.Kind, "cause", err)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.log.InfoContext(ctx, "payment event", "event", event.ID, "kind", event.Kind, "purchase", event.PurchaseID)
}
