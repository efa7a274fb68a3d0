package server

import (
	"net/http"
	"regexp"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/server/fault"
)

// refusal answers requests that never reach a handler, in the protocol in which
// they were asked.
type refusal struct {
	writer *connect.ErrorWriter
}

func newRefusal(options connect.HandlerOption) *refusal {
	return &refusal{writer: connect.NewErrorWriter(options)}
}

func (f *refusal) unauthenticated(w http.ResponseWriter, r *http.Request, cause error) {
	f.write(w, r, fault.Unauthenticated(cause))
}

// failed answers with what a handler outside the RPC library came to.
func (f *refusal) failed(w http.ResponseWriter, r *http.Request, err error) {
	f.write(w, r, fault.Of(err))
}

// write answers with JSON where the protocol is not one that is spoken here. Only the
// requests of plain HTTP have their language in the query.
func (f *refusal) write(w http.ResponseWriter, r *http.Request, err *fault.Error) {
	// The caller may be gone; there is nobody else to tell.
	_ = f.writer.Write(w, r, fault.WireFor(err, r.URL.Query().Get("locale"), r.Header, w.Header()))
}

// envelope is what gRPC and streams put before a message.
const envelope = 5

// maxBody is the most that is read of a request.
const maxBody = fault.MaxRequestBytes + envelope

// unreadable says what the RPC library would refuse without our ErrorInfo: a body
// that says that it is too large, or is compressed, and headers of the protocol
// with other values than it has.
func unreadable(r *http.Request) *fault.Error {
	switch {
	case r.ContentLength > maxBody:
		return fault.PayloadTooLarge(r.ContentLength)
	case compressed(r):
		return fault.Unread(connect.CodeUnimplemented, "Compressed requests are not taken; send the message as it is.")
	}
	for name, form := range protocolHeaders() {
		if value := r.Header.Get(name); value != "" && !form.MatchString(value) {
			return fault.Unread(connect.CodeInvalidArgument, "The header "+name+" has a value that the protocol does not know.")
		}
	}
	return nil
}

// The encodings of requests: a compressed one could inflate far beyond the limit.
func compressed(r *http.Request) bool {
	for _, name := range []string{"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding"} {
		if value := r.Header.Get(name); value != "" && value != identity {
			return true
		}
	}
	value := ""
	if r.Method == http.MethodGet {
		value = r.URL.Query().Get("compression")
	}
	return value != "" && value != identity
}

// identity is the encoding that is none.
const identity = "identity"

var (
	connectTimeoutForm  = regexp.MustCompile(`^\d{1,10}$`)
	grpcTimeoutForm     = regexp.MustCompile(`^\d{1,8}[HMSmun]$`)
	protocolVersionForm = regexp.MustCompile(`^1$`)
)

func protocolHeaders() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"Connect-Timeout-Ms":       connectTimeoutForm,
		"Grpc-Timeout":             grpcTimeoutForm,
		"Connect-Protocol-Version": protocolVersionForm,
	}
}
