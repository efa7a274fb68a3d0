package llmtest

import (
	"bytes"
	"net/http"
)

// Fault is a way to fail. The zero value is none.
type Fault struct {
	status     int
	retryAfter string
	// file is the stream that is replayed instead.
	file string
	// stop says that the stream stops in the middle; then it is cut or hangs.
	stop, hangs bool
	// late has it stop behind the first words that are shown.
	late bool
	// errs has it end in an event that reports an error.
	errs bool
	// garbage has it go on with what is no event.
	garbage bool
	always  bool
}

// Status answers with an HTTP status and the header Retry-After, if not empty.
func Status(code int, retryAfter string) Fault { return Fault{status: code, retryAfter: retryAfter} }

// Always is a fault that stays.
func Always(f Fault) Fault {
	f.always = true
	return f
}

// Cut ends the connection before anything is said.
func Cut() Fault { return Fault{stop: true} }

// CutLate ends the connection in the middle of what is said.
func CutLate() Fault { return Fault{stop: true, late: true} }

// Silent stops in the middle and keeps the connection.
func Silent() Fault { return Fault{stop: true, hangs: true} }

// ErrorEvent has the stream end in an error that the provider reports.
func ErrorEvent() Fault { return Fault{stop: true, errs: true} }

// Garbage has the stream go on with bytes that are no event.
func Garbage() Fault { return Fault{stop: true, garbage: true} }

// Malformed has the tool be called with what is no JSON.
func Malformed() Fault { return Fault{file: "fault-malformed"} }

// MalformedPlan has the words be fine and the plan be none.
func MalformedPlan() Fault { return Fault{file: "fault-malformed-plan"} }

// MalformedList has the recommendations be of another form than they should.
func MalformedList() Fault { return Fault{file: "fault-malformed-list"} }

// TruncatedList has the recommendations stop in the middle of one.
func TruncatedList() Fault { return Fault{file: "fault-truncated-list"} }

// EmptyList has the recommendations be none.
func EmptyList() Fault { return Fault{file: "fault-empty-list"} }

// NoTool has the words be fine and no tool be called.
func NoTool() Fault { return Fault{file: "fault-silent-tool"} }

// Length has the answer be cut at the most that the model writes.
func Length() Fault { return Fault{file: "fault-length"} }

// Refusal has the model refuse.
func Refusal() Fault { return Fault{file: "fault-refusal"} }

// Filter has a content filter end the answer; OpenAI's format only.
func Filter() Fault { return Fault{file: "fault-filter"} }

// piece is how many bytes arrive at once: characters are split.
const piece = 211

// begin sends the head of a stream.
func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

func (p *Provider) replay(w http.ResponseWriter, r *http.Request, stream []byte, f Fault) {
	if f.stop {
		stream = stream[:p.middle(stream, f.late)]
	}
	flush := http.NewResponseController(w)
	for len(stream) > 0 && r.Context().Err() == nil {
		n := min(piece, len(stream))
		_, _ = w.Write(stream[:n])
		_ = flush.Flush()
		stream = stream[n:]
	}
	switch {
	case r.Context().Err() != nil:
		p.left()
	case f.hangs:
		<-r.Context().Done()
		p.left()
	case f.errs:
		_, _ = w.Write([]byte(p.errorEvent()))
	case f.garbage:
		_, _ = w.Write([]byte("\xff\xfe\r\ndata: {\"type\":\r\n\r\n"))
	case f.stop:
		// The connection ends without the end of the body.
		panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http has a handler cut the connection
	}
}

// middle is where a stream stops: behind its second event, or late, in the middle
// of an event behind the first words.
func (p *Provider) middle(stream []byte, late bool) int {
	if late {
		mark := []byte("text_delta")
		if p.format == OpenAI {
			mark = []byte(`"content": "`)
		}
		at := bytes.Index(stream, mark)
		for range 3 {
			at += len(mark) + bytes.Index(stream[at+len(mark):], mark)
		}
		return at + 10
	}
	end := []byte("\n\n")
	first := bytes.Index(stream, end) + len(end)
	return first + bytes.Index(stream[first:], end) + len(end)
}

func (p *Provider) errorEvent() string {
	if p.format == OpenAI {
		return "data: {\"error\": {\"message\": \"Provider returned error\", \"code\": 502}}\n\n"
	}
	return "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n"
}
