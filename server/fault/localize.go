package fault

import (
	"errors"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sheenapps/sheen/server/locale"
)

// Keyed returns the error with the catalogue's key of a sentence of its own, where
// that of its reason says too little to a user.
func (e *Error) Keyed(key string) *Error {
	keyed := *e
	keyed.Key = key
	return &keyed
}

// Text is what a user reads of the error in the locale tag; empty if the catalogues
// have no sentence for it.
func (e *Error) Text(tag string) string {
	for _, key := range []string{e.Key, "error." + reasonOf(e)} {
		if locale.Known(key) {
			return locale.Text(tag, key, nil)
		}
	}
	return ""
}

// WireFor is [Wire] for a reader who asked for a language, by the field of a request
// or else by the Accept-Language of its header: the error then has a
// google.rpc.LocalizedMessage, and the answer's header says in which locale. What
// nobody asked for in a supported language stays English only.
func WireFor(err error, field string, request, answer http.Header) *connect.Error {
	// What an answer would have told does not hold for the error in its place.
	answer.Del(locale.HeaderLanguage)
	answer.Del(locale.HeaderPath)
	if wire, ok := errors.AsType[*connect.Error](err); ok && marked(wire) {
		return wire
	}
	wire := Wire(err)
	reading, asked := locale.Asked(field, request)
	if !asked {
		return wire
	}
	if text := Of(err).Text(reading.Tag); text != "" {
		add(wire, &errdetails.LocalizedMessage{Locale: reading.Tag, Message: text})
		reading.Mark(answer)
	}
	return wire
}

func reasonOf(e *Error) string { return strings.TrimPrefix(e.Reason.String(), "ERROR_REASON_") }

// fieldOf is the language that a request's own field asks for; empty without one.
func fieldOf(request any) string {
	if localized, ok := request.(interface{ GetLocale() string }); ok {
		return localized.GetLocale()
	}
	return ""
}

// heardConn remembers which language a stream's request asked for.
type heardConn struct {
	connect.StreamingHandlerConn

	field string
}

// Receive implements [connect.StreamingHandlerConn].
func (c *heardConn) Receive(message any) error {
	err := c.StreamingHandlerConn.Receive(message)
	if err == nil {
		c.field = fieldOf(message)
	}
	return err //nolint:wrapcheck // the connection's own error, which the RPC library looks for
}
