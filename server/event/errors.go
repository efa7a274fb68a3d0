package event

import (
	"fmt"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/fault"
)

func tokenInvalid() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeInvalidArgument,
		Reason:  errorv1.ErrorReason_ERROR_REASON_RESUME_TOKEN_INVALID,
		Message: "The resume token does not belong to this build and filter; begin with after_seq or a snapshot.",
	}
}

func unknownTiming(name string) *fault.Error {
	return fault.InvalidField(fmt.Sprintf("There is no timing %.64q; see ClientMetric.", name))
}

func malformedTiming(name string) *fault.Error {
	return fault.InvalidField(fmt.Sprintf("The duration of %s has seconds and nanos that do not go together.", name))
}

func historyGone(firstSeq int64) *fault.Error {
	return &fault.Error{
		Code:     connect.CodeOutOfRange,
		Reason:   errorv1.ErrorReason_ERROR_REASON_RESUME_TOKEN_EXPIRED,
		Message:  fmt.Sprintf("The events before %d are no longer kept; begin there or with a snapshot.", firstSeq),
		Metadata: map[string]string{"first_seq": strconv.FormatInt(firstSeq, 10)},
		Details:  []proto.Message{&errorv1.HistoryFloor{FirstSeq: firstSeq}},
	}
}
