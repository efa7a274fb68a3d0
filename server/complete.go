package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
)

// The headers or trailers of gRPC that tell an error.
const (
	grpcStatus  = "Grpc-Status"
	grpcMessage = "Grpc-Message"
	grpcDetails = "Grpc-Status-Details-Bin"
)

// heldWriter gives those errors their ErrorInfo that the RPC library writes before
// it calls an interceptor: a body that is not a message, a message over the
// limit, a procedure or content type that nobody serves. It holds an HTTP error
// back until it is whole, to write it anew; everything else passes through as it
// comes.
type heldWriter struct {
	http.ResponseWriter

	refuse  *refusal
	request *http.Request
	// status is that of the HTTP error that is held back; 0 if there is none.
	status int
	body   bytes.Buffer
	sent   bool
}

// Unwrap serves [http.ResponseController].
func (h *heldWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (h *heldWriter) WriteHeader(status int) {
	if h.sent || h.status != 0 {
		return
	}
	if status >= http.StatusBadRequest {
		h.status = status
		return
	}
	h.begin()
	h.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (h *heldWriter) Write(data []byte) (int, error) {
	if h.status != 0 {
		return h.body.Write(data) //nolint:wrapcheck // never fails
	}
	h.begin()
	return h.ResponseWriter.Write(data) //nolint:wrapcheck // a writer's own error
}

// Flush implements [http.Flusher].
func (h *heldWriter) Flush() {
	if h.status != 0 {
		return
	}
	h.begin()
	// The connection can always flush, or is gone.
	_ = http.NewResponseController(h.ResponseWriter).Flush()
}

// begin completes what gRPC-Web tells in its headers, before they are sent.
func (h *heldWriter) begin() {
	if !h.sent {
		h.sent = true
		h.completeGRPC("")
	}
}

// finish sends what was held back, and completes what gRPC tells in its trailers.
func (h *heldWriter) finish() {
	switch {
	case h.status == 0:
		h.begin()
		h.completeGRPC(http.TrailerPrefix)
	case bytes.Contains(h.body.Bytes(), []byte("google.rpc.ErrorInfo")):
		h.ResponseWriter.WriteHeader(h.status)
		// The caller may be gone; there is nobody else to tell.
		_, _ = h.ResponseWriter.Write(h.body.Bytes())
	default:
		h.writeAnew()
	}
}

// writeAnew sends what an error that was held back comes to.
func (h *heldWriter) writeAnew() {
	h.Header().Del("Content-Length")
	var wire struct {
		Code connect.Code `json:"code"`
	}
	if json.Unmarshal(h.body.Bytes(), &wire) == nil && wire.Code != 0 {
		h.refuse.write(h.ResponseWriter, h.request, fault.Unread(wire.Code, ""))
		return
	}
	h.refuse.write(&sameStatus{h.ResponseWriter, h.status}, h.request, h.misdirected())
}

// misdirected is what an error of plain HTTP comes to.
func (h *heldWriter) misdirected() *fault.Error {
	switch h.status {
	case http.StatusUnsupportedMediaType:
		return fault.Unread(connect.CodeInvalidArgument, "The content type is not one of a protocol that is spoken here.")
	case http.StatusMethodNotAllowed:
		return fault.Unread(connect.CodeInvalidArgument, "This procedure is not called by that method.")
	}
	return fault.UnknownProcedure()
}

// completeGRPC adds the details to an error that has none. prefix is that of the
// keys under which it stands in the header.
func (h *heldWriter) completeGRPC(prefix string) {
	header := h.Header()
	status := header.Get(prefix + grpcStatus)
	if status == "" || status == "0" || header.Get(prefix+grpcDetails) != "" {
		return
	}
	code, err := strconv.ParseUint(status, 10, 32)
	if err != nil {
		return
	}
	anew := &headerOnly{header: http.Header{}}
	h.refuse.write(anew, h.request, fault.Unread(connect.Code(code), ""))
	for key, values := range anew.header {
		switch key {
		case grpcStatus, grpcMessage, grpcDetails:
			header[prefix+key] = values
		case locale.HeaderLanguage, locale.HeaderPath:
			header[key] = values
		}
	}
}

// sameStatus keeps the status of an error that is written anew, unless the
// protocol tells errors in another way.
type sameStatus struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements [http.ResponseWriter].
func (s *sameStatus) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		status = s.status
	}
	s.ResponseWriter.WriteHeader(status)
}

// headerOnly keeps the header of an answer and nothing else.
type headerOnly struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (h *headerOnly) Header() http.Header { return h.header }

// Write implements [http.ResponseWriter].
func (*headerOnly) Write(data []byte) (int, error) { return len(data), nil }

// WriteHeader implements [http.ResponseWriter].
func (*headerOnly) WriteHeader(int) {}
