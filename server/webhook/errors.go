package webhook

import (
	"errors"
	"fmt"

	"connectrpc.com/connect"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/fault"
)

// errRefused says that a connection is not made, because its address is not one
// that webhooks may reach.
var errRefused = errors.New("webhooks may not reach this address")

func unknownType(name string) *fault.Error {
	return fault.InvalidField(fmt.Sprintf("There is no event type %.64q; see the payloads of BuildEvent.", name))
}

// badAddress is the answer to an address that cannot be a webhook's.
func badAddress(why string) *fault.Error {
	return fault.InvalidField("The address of a webhook " + why + ".")
}

func tooMany() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeFailedPrecondition,
		Reason:  errorv1.ErrorReason_ERROR_REASON_WEBHOOK_LIMIT,
		Message: fmt.Sprintf("You have %d webhook endpoints, which is the most there can be; delete one first.", maxEndpoints),
	}
}

func disabled() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeFailedPrecondition,
		Reason:  errorv1.ErrorReason_ERROR_REASON_WEBHOOK_DISABLED,
		Message: "The webhook endpoint of this delivery is disabled; enable it first.",
	}
}

func keyReused() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeAlreadyExists,
		Reason:  errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		Message: "The idempotency key belongs to an endpoint with another address or other event types.",
	}
}
