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

// write answers with JSON where the protocol is not one that is spoken here.
func (f *refusal) write(w http.ResponseWriter, r *http.Request, err *fault.Error) {
	// The caller may be gone; there is nobody else to tell.
	_ = f.writer.Write(w, r, fault.Wire(err))
}

// envelope is what gRPC and streams put before a message.
const envelope = 5

// unreadable refuses what the RPC library would refuse without our ErrorInfo: a
// body that says that it is too large, or is compressed, and headers of the
// protocol with other values than it has. A body that does not say how large it
// is, is cut.
func (f *refusal) unreadable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ContentLength > fault.MaxRequestBytes+envelope:
			f.write(w, r, fault.PayloadTooLarge(r.ContentLength))
			return
		case compressed(r):
			f.write(w, r, fault.Unread(connect.CodeUnimplemented, "Compressed requests are not taken; send the message as it is."))
			return
		}
		for name, form := range protocolHeaders() {
			if value := r.Header.Get(name); value != "" && !form.MatchString(value) {
				f.write(w, r, fault.Unread(connect.CodeInvalidArgument, "The header "+name+" has a value that the protocol does not know."))
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, fault.MaxRequestBytes+envelope)
		next.ServeHTTP(w, r)
	})
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
