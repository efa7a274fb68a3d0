package fault_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
)

// told is the LocalizedMessage of an error, empty without one.
func told(t *testing.T, wire *connect.Error) *errdetails.LocalizedMessage {
	t.Helper()
	found := &errdetails.LocalizedMessage{}
	for _, detail := range wire.Details() {
		value, err := detail.Value()
		if err != nil {
			t.Fatal(err)
		}
		if message, ok := value.(*errdetails.LocalizedMessage); ok {
			found = message
		}
	}
	return found
}

func TestWireForAReader(t *testing.T) {
	t.Parallel()
	spanish := http.Header{"Accept-Language": {"es-MX"}}
	for name, test := range map[string]struct {
		err     error
		field   string
		request http.Header
		tag     string
		key     string
	}{
		"nobody asked":    {fault.NotFound(), "", nil, "", ""},
		"by the header":   {fault.NotFound(), "", spanish, "es", "error.NOT_FOUND"},
		"by a field":      {fault.NotFound(), "de", spanish, "de", "error.NOT_FOUND"},
		"its own key":     {fault.InvalidField("No.").Keyed("error.detail.promptEmpty"), "", spanish, "es", "error.detail.promptEmpty"},
		"an unknown key":  {fault.InvalidField("No.").Keyed("error.detail.gone"), "", spanish, "es", "error.INVALID_FIELD"},
		"of another kind": {context.DeadlineExceeded, "", spanish, "es", "error.CALL_ENDED"},
		"without reason":  {&fault.Error{Code: connect.CodeAborted, Message: "No."}, "", spanish, "", ""},
	} {
		// What a handler had told before it failed.
		answer := http.Header{"Content-Language": {"fr"}, "Sheen-Locale-Path": {"fr,en"}}
		wire := fault.WireFor(test.err, test.field, test.request, answer)
		message := told(t, wire)
		if message.GetLocale() != test.tag || answer.Get("Content-Language") != test.tag || (answer.Get("Sheen-Locale-Path") == "") != (test.tag == "") {
			t.Errorf("%s: told %v, with %v", name, message, answer)
		}
		if test.tag != "" && message.GetMessage() != locale.Text(test.tag, test.key, nil) {
			t.Errorf("%s: told %v, want the text of %s", name, message, test.key)
		}
		if wire.Message() != fault.Of(test.err).Message {
			t.Errorf("%s: the message became %q", name, wire.Message())
		}
		if again := fault.WireFor(wire, "ar", nil, answer); !errors.Is(again, wire) || len(again.Details()) != len(wire.Details()) {
			t.Errorf("%s: a wire error was changed: %v", name, again.Details())
		}
	}
}

// An error is a value that many calls may share.
func TestKeyedLeavesTheErrorAsItIs(t *testing.T) {
	t.Parallel()
	shared := fault.NotFound()
	if keyed := shared.Keyed("error.detail.promptEmpty"); shared.Key != "" || keyed.Key == "" || keyed.Reason != shared.Reason {
		t.Errorf("%+v and %+v", shared, keyed)
	}
}
