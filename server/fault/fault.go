// Package fault is the error that a caller may see, and the one place where
// errors become wire errors.
//
// A domain returns its own errors; those that a caller can act on either are a
// [*Error] or can become one ([Faulter]). Everything else is an internal error:
// the caller gets a neutral sentence, the log gets the cause.
//
// Invariants:
//   - Every wire error has exactly one google.rpc.ErrorInfo of the domain "sheen".
//   - Who asked for a supported language is also told in it; the message stays English.
//   - No text of a driver, no SQL, path or host name reaches the wire.
package fault

import (
	"fmt"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
)

// Error is an error that a caller may see. It is a value to build and return;
// it is not changed afterwards.
type Error struct {
	Code   connect.Code
	Reason errorv1.ErrorReason
	// Message is one English sentence without secrets.
	Message string
	// Key is the catalogue's key of what a user is told who asked for a language;
	// empty is that of the reason.
	Key string
	// Metadata goes into the ErrorInfo.
	Metadata map[string]string
	// Details are the typed details beside the ErrorInfo.
	Details []proto.Message
	// RetryAfter is how long to wait; zero where waiting does not help.
	RetryAfter time.Duration
	// Cause is for the log only.
	Cause error
}

// Error is for the log: it shows the cause too.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return fmt.Sprintf("%s: %v", e.Message, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Fault implements [Faulter].
func (e *Error) Fault() *Error { return e }

// Faulter is an error that knows what a caller may see of it.
type Faulter interface {
	error
	Fault() *Error
}

// NotFound is the answer for what does not exist and for what is another's:
// byte for byte the same, whatever was asked for.
func NotFound() *Error {
	return &Error{
		Code:    connect.CodeNotFound,
		Reason:  errorv1.ErrorReason_ERROR_REASON_NOT_FOUND,
		Message: "There is no such thing, or it is not yours.",
	}
}

// Unauthenticated is the answer to whoever is not signed in.
func Unauthenticated(cause error) *Error {
	return &Error{
		Code:    connect.CodeUnauthenticated,
		Reason:  errorv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED,
		Message: "Sign in: the request has no valid bearer token.",
		Cause:   cause,
	}
}

// PermissionDenied is the answer to a role that may not call a procedure.
func PermissionDenied() *Error {
	return &Error{
		Code:    connect.CodePermissionDenied,
		Reason:  errorv1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
		Message: "Your role may not call this procedure.",
	}
}

// InvalidField is the answer to a field that breaks a rule which the schema
// cannot express.
func InvalidField(message string) *Error {
	return &Error{
		Code:    connect.CodeInvalidArgument,
		Reason:  errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD,
		Message: message,
	}
}

// PageTokenInvalid is the answer to a page token that is not ours, is damaged
// or belongs to another request.
func PageTokenInvalid() *Error {
	return &Error{
		Code:    connect.CodeInvalidArgument,
		Reason:  errorv1.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID,
		Message: "The page token does not belong to this request; begin with the first page.",
	}
}

// UnknownProcedure is the answer to a path that is not a procedure.
func UnknownProcedure() *Error {
	return &Error{
		Code:    connect.CodeUnimplemented,
		Reason:  errorv1.ErrorReason_ERROR_REASON_UNIMPLEMENTED,
		Message: "There is no such procedure.",
	}
}

// PayloadTooLarge is the answer to a message beyond [MaxRequestBytes]; actual is
// its size in bytes, 0 if that is not known.
func PayloadTooLarge(actual int64) *Error {
	return &Error{
		Code:    connect.CodeResourceExhausted,
		Reason:  errorv1.ErrorReason_ERROR_REASON_PAYLOAD_TOO_LARGE,
		Message: "The message is larger than a request may be.",
		Details: []proto.Message{&errorv1.PayloadLimit{LimitBytes: MaxRequestBytes, ActualBytes: actual}},
	}
}

// storeRetryAfter is what a caller is asked to wait for the store: about as long
// as a Postgres takes to restart. It is a part of the silence after that, which
// must stay below 2 s.
const storeRetryAfter = time.Second

// StoreUnavailable is the answer while Postgres is away.
func StoreUnavailable(cause error) *Error {
	return &Error{
		Code:       connect.CodeUnavailable,
		Reason:     errorv1.ErrorReason_ERROR_REASON_STORE_UNAVAILABLE,
		Message:    "The store cannot be reached at the moment; try again.",
		RetryAfter: storeRetryAfter,
		Cause:      cause,
	}
}

// internal is the answer to everything that has no better one.
func internal(cause error) *Error {
	return &Error{
		Code:    connect.CodeInternal,
		Reason:  errorv1.ErrorReason_ERROR_REASON_INTERNAL,
		Message: "Something went wrong on our side; the request id finds it in our log.",
		Cause:   cause,
	}
}
