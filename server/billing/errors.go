package billing

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
)

// Errors that a caller can act on. All are met with errors.Is, and all but
// ErrInvalid are faults, so that they are seen however deep they are wrapped.
var (
	// ErrKeyReused is a key, or a settled hold, that comes again with another
	// request than before.
	ErrKeyReused error = &fault.Error{
		Code:    connect.CodeAlreadyExists,
		Reason:  errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		Message: "The key or the hold was already used for another request.",
	}
	// ErrHoldNotFound is a hold that the account does not have.
	ErrHoldNotFound error = fault.NotFound()
	// ErrTooLate is a reserve that got the account's lock after its NotAfter.
	ErrTooLate error = &fault.Error{
		Code:    connect.CodeDeadlineExceeded,
		Reason:  errorv1.ErrorReason_ERROR_REASON_CALL_ENDED,
		Message: "The request came later than its not_after; nothing was set aside.",
	}
	// ErrInvalid is a request with a number, time or name out of range.
	ErrInvalid = meter.ErrInvalid

	errLostLock = errors.New("account changed under its lock")
)

// InsufficientError refuses a hold. All of it is from the snapshot that the
// decision was made on.
type InsufficientError struct {
	RequiredSeconds  int64
	SpendableSeconds int64
	HeldSeconds      int64
	ByKind           meter.Amounts
	// DailyGiftReset is when the next daily gift can be made.
	DailyGiftReset time.Time
	// Estimate is what such an operation usually takes.
	Estimate Estimate
	// RecommendedPackage is nil where no package is configured.
	RecommendedPackage *Package
	// PurchaseURL is where to buy it; empty where that is not configured.
	PurchaseURL string
	// Locale is the language of the package's title; empty is English.
	Locale string
}

func (e *InsufficientError) Error() string {
	return fmt.Sprintf("insufficient ai time: %d s required, %d s spendable", e.RequiredSeconds, e.SpendableSeconds)
}

// Fault implements [fault.Faulter].
func (e *InsufficientError) Fault() *fault.Error {
	return &fault.Error{
		Code:   connect.CodeFailedPrecondition,
		Reason: errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME,
		Message: fmt.Sprintf("This needs %d s of AI time, and %d s can be spent.",
			e.RequiredSeconds, e.SpendableSeconds),
		Metadata: map[string]string{
			"required_seconds":  strconv.FormatInt(e.RequiredSeconds, 10),
			"spendable_seconds": strconv.FormatInt(e.SpendableSeconds, 10),
		},
		Details: []proto.Message{insufficientToProto(e)},
		Cause:   e,
	}
}

// HoldStateError refuses to settle a hold that was settled in another way.
type HoldStateError struct {
	From, To meter.HoldState
}

func (e *HoldStateError) Error() string {
	return fmt.Sprintf("hold is %s and cannot become %s", e.From, e.To)
}

// Fault implements [fault.Faulter].
func (e *HoldStateError) Fault() *fault.Error {
	from, to := holdStateToProto(e.From).String(), holdStateToProto(e.To).String()
	return &fault.Error{
		Code:     connect.CodeFailedPrecondition,
		Reason:   errorv1.ErrorReason_ERROR_REASON_HOLD_CLOSED,
		Message:  fmt.Sprintf("A hold in %s cannot become %s.", from, to),
		Metadata: map[string]string{"from": from, "to": to},
		Cause:    e,
	}
}
