package client

import (
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
)

// Sentinels for [errors.Is], one for each code that a caller may act on.
var (
	// ErrInvalidArgument: the request breaks a rule of the contract.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnauthenticated: the token is missing, wrong or out of date.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrPermissionDenied: the caller may not call this procedure.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrNotFound: it does not exist or is not the caller's.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyExists: the idempotency key was used with other content.
	ErrAlreadyExists = errors.New("already exists")
	// ErrFailedPrecondition: the state does not allow it.
	ErrFailedPrecondition = errors.New("failed precondition")
	// ErrResourceExhausted: a rate limit or a size limit was reached.
	ErrResourceExhausted = errors.New("resource exhausted")
	// ErrUnimplemented: the server does not serve this procedure.
	ErrUnimplemented = errors.New("unimplemented")
	// ErrUnavailable: the server, or its store, is out of reach at the moment.
	ErrUnavailable = errors.New("unavailable")
	// ErrResync ends [Client.Follow] when the position can no longer be served
	// and the reader has to begin with a snapshot.
	ErrResync = errors.New("the position can no longer be served: begin with a snapshot")
)

func sentinel(code connect.Code) error {
	switch code {
	case connect.CodeInvalidArgument:
		return ErrInvalidArgument
	case connect.CodeUnauthenticated:
		return ErrUnauthenticated
	case connect.CodePermissionDenied:
		return ErrPermissionDenied
	case connect.CodeNotFound:
		return ErrNotFound
	case connect.CodeAlreadyExists:
		return ErrAlreadyExists
	case connect.CodeFailedPrecondition:
		return ErrFailedPrecondition
	case connect.CodeResourceExhausted:
		return ErrResourceExhausted
	case connect.CodeUnimplemented:
		return ErrUnimplemented
	case connect.CodeUnavailable:
		return ErrUnavailable
	default:
		return nil
	}
}

// Error is what a call returns when it fails.
type Error struct {
	// Code is the Connect code.
	Code connect.Code
	// Reason is the name of an ErrorReason without its prefix, such as
	// "NOT_FOUND"; empty if the answer did not come from Sheen itself.
	Reason string
	// Message is one English sentence.
	Message string
	// RequestID finds the call in the server's log.
	RequestID string
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration
	// Attempts is how often the call was sent.
	Attempts int

	cause error
}

// Error returns the code and the message, and the request id if there is one.
func (e *Error) Error() string {
	if e.RequestID == "" {
		return fmt.Sprintf("%v: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%v: %s (request %s)", e.Code, e.Message, e.RequestID)
}

// Unwrap returns the error underneath, such as [context.DeadlineExceeded].
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the sentinel of the error's code.
func (e *Error) Is(target error) bool {
	s := sentinel(e.Code)
	return s != nil && s == target
}

// detailed is the part that typed errors share; they unwrap to an [*Error].
type detailed struct{ base *Error }

// Error is that of the [*Error] underneath.
func (d detailed) Error() string { return d.base.Error() }

// Unwrap returns the [*Error] underneath.
func (d detailed) Unwrap() error { return d.base }

// InsufficientAITime says that the account has too little AI time.
type InsufficientAITime struct {
	detailed

	// Detail is what was needed and what there was at the instant of the decision.
	Detail *billingv1.InsufficientAiTime
}

// RateLimited says that too many calls were made; RetryAfter says how long to wait.
type RateLimited struct {
	detailed

	// Detail is the limit and when it is open again.
	Detail *errorv1.RateLimit
}

// PayloadTooLarge says that a field or a message is too large.
type PayloadTooLarge struct {
	detailed

	// Detail is the limit and the size.
	Detail *errorv1.PayloadLimit
}

// BuildInProgress says that the project has an unfinished build.
type BuildInProgress struct {
	detailed

	// Detail names that build.
	Detail *errorv1.BuildInProgress
}

// InvalidTransition says that the build's state does not allow the change.
type InvalidTransition struct {
	detailed

	// Detail names both states.
	Detail *errorv1.InvalidTransition
}

// HistoryExpired says that the events after the position are no longer kept.
type HistoryExpired struct {
	detailed

	// Detail is where the history begins.
	Detail *errorv1.HistoryFloor
}
