package main

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/sheenapps/sheen/server/fault"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	conformancev1 "github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1"
)

// failure is an error that the suite defines: to Sheen's middleware one of
// Sheen's, and to the RPC library, without that, one of the library's.
type failure struct {
	fault *fault.Error
	wire  *connect.Error
}

// newFailure makes the defined error, with more details behind its own.
func newFailure(defined *conformancev1.Error, more ...proto.Message) error {
	f := failure{
		fault: &fault.Error{
			Code: connect.Code(defined.GetCode()), Reason: errorv1.ErrorReason_ERROR_REASON_INTERNAL,
			Message: defined.GetMessage(),
		},
		wire: connect.NewError(connect.Code(defined.GetCode()), errors.New(defined.GetMessage())),
	}
	for _, detail := range defined.GetDetails() {
		f.fault.Details = append(f.fault.Details, detail)
	}
	f.fault.Details = append(f.fault.Details, more...)
	for _, message := range f.fault.Details {
		detail, err := connect.NewErrorDetail(message)
		if err != nil {
			return connect.NewError(connect.CodeInternal, err)
		}
		f.wire.AddDetail(detail)
	}
	return f
}

// Error implements error.
func (f failure) Error() string { return f.wire.Error() }

// Fault implements [fault.Faulter].
func (f failure) Fault() *fault.Error { return f.fault }

// Unwrap lets the RPC library find its error.
func (f failure) Unwrap() error { return f.wire }
