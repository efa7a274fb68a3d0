package event

import (
	"errors"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// detail finds the first detail of a type in a wire error; nil without one.
func detail[M proto.Message](t *testing.T, err error) (found M) {
	t.Helper()
	wire := new(connect.Error)
	if !errors.As(err, &wire) {
		t.Fatalf("not a wire error: %v", err)
	}
	for _, d := range wire.Details() {
		if value, err := d.Value(); err == nil {
			if m, ok := value.(M); ok {
				return m
			}
		}
	}
	return found
}

func checkFault(t *testing.T, err error, code connect.Code, reason string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", reason)
		return
	}
	if info := detail[*errdetails.ErrorInfo](t, err); connect.CodeOf(err) != code || info.GetReason() != reason {
		t.Errorf("%v, %v; want %v, %s", err, info, code, reason)
	}
}
