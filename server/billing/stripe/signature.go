package stripe

import (
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/sheenapps/sheen/server/billing"
)

const (
	signatureHeader = "Stripe-Signature"
	// tolerance is how far the signature's time may be from ours, either way.
	tolerance = 5 * time.Minute
)

// verify checks that one of the header's signatures, t=…,v1=…,v1=…, is of this
// body, this secret and about now. The library's own check takes the time from
// the machine and lets the future pass.
func verify(header string, body []byte, secret string, now time.Time) error {
	var signed time.Time
	var sums [][]byte
	for field := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("signature's time: %w", billing.ErrPaymentSignature)
			}
			signed = time.Unix(seconds, 0)
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				sums = append(sums, sum)
			}
		}
	}
	if secret == "" || signed.IsZero() || signed.Sub(now).Abs() > tolerance {
		return fmt.Errorf("signed at %s: %w", signed.UTC().Format(time.RFC3339), billing.ErrPaymentSignature)
	}
	want := webhook.ComputeSignature(signed, body, secret)
	for _, sum := range sums {
		if hmac.Equal(sum, want) {
			return nil
		}
	}
	return fmt.Errorf("no signature of this body: %w", billing.ErrPaymentSignature)
}
