package client

import (
	"errors"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
)

// errorDomain is the domain of the reasons that this client knows.
const errorDomain = "sheen"

// typed turns an error of connect into an [*Error] or a typed error over one.
// What is typed already, or is nothing of connect's, is returned as it is.
func typed(err error, sentID string) error {
	if _, done := errors.AsType[*Error](err); done {
		return err
	}
	wire, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return err
	}
	base := &Error{
		Code:      wire.Code(),
		Message:   wire.Message(),
		RequestID: requestIDOf(wire.Meta(), sentID),
		cause:     wire,
	}
	var typedError error = base
	for _, detail := range wire.Details() {
		value, err := detail.Value()
		if err != nil { // a detail of a newer contract; the code still counts
			continue
		}
		switch v := value.(type) {
		case *errdetails.ErrorInfo:
			if v.GetDomain() == errorDomain {
				base.Reason = v.GetReason()
			}
		case *errdetails.RetryInfo:
			base.RetryAfter = max(v.GetRetryDelay().AsDuration(), 0)
		default:
			if known := withDetail(base, value); known != nil {
				typedError = known
			}
		}
	}
	return typedError
}

func withDetail(base *Error, value any) error {
	d := detailed{base}
	switch v := value.(type) {
	case *billingv1.InsufficientAiTime:
		return &InsufficientAITime{d, v}
	case *errorv1.RateLimit:
		return &RateLimited{d, v}
	case *errorv1.PayloadLimit:
		return &PayloadTooLarge{d, v}
	case *errorv1.BuildInProgress:
		return &BuildInProgress{d, v}
	case *errorv1.InvalidTransition:
		return &InvalidTransition{d, v}
	case *errorv1.HistoryFloor:
		return &HistoryExpired{d, v}
	default:
		return nil
	}
}

func requestIDOf(meta http.Header, sent string) string {
	if echoed := meta.Get(RequestIDHeader); echoed != "" {
		return echoed
	}
	return sent
}
