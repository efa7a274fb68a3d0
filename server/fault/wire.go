package fault

import (
	"context"
	"errors"
	"fmt"
	"io"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/store"
)

// Domain is the domain of every ErrorInfo.
const Domain = "sheen"

// Of finds what a caller may see of err. It never returns nil for an error.
func Of(err error) *Error {
	if faulter, ok := errors.AsType[Faulter](err); ok {
		return faulter.Fault()
	}
	if invalid, ok := errors.AsType[*protovalidate.ValidationError](err); ok {
		return ofValidation(invalid)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return NotFound()
	case errors.Is(err, context.Canceled):
		return ended(connect.CodeCanceled, err)
	case errors.Is(err, context.DeadlineExceeded):
		return ended(connect.CodeDeadlineExceeded, err)
	case errors.Is(err, store.ErrText):
		return InvalidField("A text of the request holds a character that cannot be stored, such as NUL.")
	case errors.Is(err, store.ErrUnavailable):
		return StoreUnavailable(err)
	}
	if wire, ok := errors.AsType[*connect.Error](err); ok {
		return ofConnect(wire)
	}
	return internal(err)
}

// Wire turns err into what is sent. An error that already carries our ErrorInfo
// passes through, so applying it twice changes nothing.
func Wire(err error) *connect.Error {
	if wire, ok := errors.AsType[*connect.Error](err); ok && marked(wire) {
		return wire
	}
	f := Of(err)
	wire := connect.NewError(f.Code, errors.New(f.Message))
	add(wire, &errdetails.ErrorInfo{
		Reason:   reasonOf(f),
		Domain:   Domain,
		Metadata: f.Metadata,
	})
	if f.RetryAfter > 0 {
		add(wire, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	for _, detail := range f.Details {
		add(wire, detail)
	}
	return wire
}

func add(wire *connect.Error, message proto.Message) {
	// A message that was built here always encodes.
	if detail, err := connect.NewErrorDetail(message); err == nil {
		wire.AddDetail(detail)
	}
}

func marked(wire *connect.Error) bool {
	for _, detail := range wire.Details() {
		if detail.Type() == "google.rpc.ErrorInfo" {
			return true
		}
	}
	return false
}

func ended(code connect.Code, cause error) *Error {
	return &Error{
		Code:    code,
		Reason:  errorv1.ErrorReason_ERROR_REASON_CALL_ENDED,
		Message: "The call was ended before it was finished.",
		Cause:   cause,
	}
}

// ofConnect maps what connect itself found wrong: an undecodable body, an
// unknown procedure, a message over the limit. Its text may quote the request,
// so a sentence of ours goes out instead.
func ofConnect(wire *connect.Error) *Error {
	switch wire.Code() {
	case connect.CodeInvalidArgument, connect.CodeUnknown:
		f := Unread(wire.Code(), "")
		f.Cause = wire
		return f
	case connect.CodeResourceExhausted:
		f := PayloadTooLarge(0)
		f.Cause = wire
		return f
	case connect.CodeUnimplemented:
		return unsupported(wire)
	case connect.CodeCanceled, connect.CodeDeadlineExceeded:
		return ended(wire.Code(), wire)
	default:
		if errors.Is(wire, io.ErrUnexpectedEOF) {
			return Unread(wire.Code(), "") // The body of a stream's request was cut.
		}
		return internal(wire)
	}
}

// unsupported is the answer to a protocol's option that is not offered, such as a
// compression.
func unsupported(cause error) *Error {
	return &Error{
		Code:    connect.CodeUnimplemented,
		Reason:  errorv1.ErrorReason_ERROR_REASON_UNIMPLEMENTED,
		Message: "The server does not offer what the request asks for.",
		Cause:   cause,
	}
}

// MaxRequestBytes is the largest request message that is read.
const MaxRequestBytes = 1 << 20

// Unread is the answer to a request that no handler saw, because its message
// could not be read. Codes that say otherwise count, such as that the call has
// ended; an empty message is a sentence of ours.
func Unread(code connect.Code, message string) *Error {
	switch code {
	case connect.CodeResourceExhausted:
		return PayloadTooLarge(0)
	case connect.CodeCanceled, connect.CodeDeadlineExceeded:
		return ended(code, nil)
	case connect.CodeUnimplemented:
	default:
		code = connect.CodeInvalidArgument
	}
	if message == "" {
		message = "The request cannot be decoded: its body is not a valid message of this procedure."
	}
	return &Error{Code: code, Reason: errorv1.ErrorReason_ERROR_REASON_MALFORMED_REQUEST, Message: message}
}

// ofValidation names the first broken rule in the sentence and carries all of
// them as protovalidate's violations.
func ofValidation(invalid *protovalidate.ValidationError) *Error {
	f := &Error{
		Code:    connect.CodeInvalidArgument,
		Reason:  errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD,
		Message: "The request breaks a rule.",
		Details: []proto.Message{invalid.ToProto()},
		Cause:   invalid,
	}
	if len(invalid.Violations) == 0 {
		return f
	}
	first := invalid.Violations[0]
	path := protovalidate.FieldPathString(first.Proto.GetField())
	f.Message = fmt.Sprintf("The field %s is not valid: %s.", path, first.Proto.GetMessage())
	for _, violation := range invalid.Violations {
		if limit := payloadLimit(violation); limit != nil {
			f.Reason = errorv1.ErrorReason_ERROR_REASON_PAYLOAD_TOO_LARGE
			f.Details = append(f.Details, limit)
			break
		}
	}
	return f
}

// payloadLimit is the detail of a string or byte string that is too long, or nil.
func payloadLimit(violation *protovalidate.Violation) *errorv1.PayloadLimit {
	if violation.Proto.GetRuleId() != "string.max_bytes" && violation.Proto.GetRuleId() != "bytes.max_len" {
		return nil
	}
	limit := &errorv1.PayloadLimit{LimitBytes: int64(violation.RuleValue.Uint())} //nolint:gosec // a bound of the schema
	switch value := violation.FieldValue.Interface().(type) {
	case string:
		limit.ActualBytes = int64(len(value))
	case []byte:
		limit.ActualBytes = int64(len(value))
	}
	return limit
}
