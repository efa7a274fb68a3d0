package event

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
)

// EventSource serves the stream as server-sent events, for a browser's
// EventSource and for curl:
//
//	GET /v1/builds/{id}/events?classes=text,files&after_seq=12&snapshot=true&locale=fr
//
// Each event's id is its seq and its data the BuildEvent as JSON, the same bytes
// that a Connect client gets. Heartbeats, the snapshot and the end have names, so
// that a page hears of them only if it wants to. The header Last-Event-ID, a seq
// or a resume token, says where to go on; it counts more than the query. After
// the end of a build the answer is 204, which stops an EventSource for good.
//
// refuse answers requests that cannot be served.
func (s *Service) EventSource(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := sourceRequest(r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		stream, position, err := s.prepare(r.Context(), req)
		if err != nil {
			refuse(w, r, err)
			return
		}
		if position.Final && stream.sent == position.Head && stream.snapshot == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		locale.Read(req.GetLocale(), position.Locale).Mark(w.Header())
		out := &sourceWriter{out: w, control: http.NewResponseController(w)}
		stream.send = out.send
		// Once the stream has begun, a cut is all that can be said: the reader
		// comes again.
		if err := stream.run(r.Context(), position); err != nil && !out.begun {
			refuse(w, r, err)
		}
	})
}

// sourceRequest reads what a client may say in the path, the query and
// Last-Event-ID.
func sourceRequest(r *http.Request) (*eventv1.StreamEventsRequest, error) {
	query := r.URL.Query()
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, fault.NotFound()
	}
	req := &eventv1.StreamEventsRequest{BuildId: id.String(), Locale: query.Get("locale")}
	if req.Classes, err = sourceClasses(query["classes"]); err != nil {
		return nil, err
	}
	if raw := query.Get("snapshot"); raw != "" {
		if req.Snapshot, err = strconv.ParseBool(raw); err != nil {
			return nil, fault.InvalidField("snapshot is true or false.")
		}
	}
	if raw := query.Get("after_seq"); raw != "" {
		seq, ok := parseSeq(raw)
		if !ok {
			return nil, fault.InvalidField("after_seq is a number, 0 or more.")
		}
		req.Start = &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: seq}
	}
	if raw := r.Header.Get("Last-Event-ID"); raw != "" {
		req.Snapshot = false
		sourcePosition(req, raw)
	}
	return req, nil
}

// sourcePosition takes what an EventSource remembers: the id of an event or, from
// whoever has one, a resume token.
func sourcePosition(req *eventv1.StreamEventsRequest, lastEventID string) {
	if seq, ok := parseSeq(lastEventID); ok {
		req.Start = &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: seq}
		return
	}
	req.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: lastEventID}
}

// parseSeq takes decimal digits only: no sign, no space, no leading zero.
func parseSeq(s string) (int64, bool) {
	seq, err := strconv.ParseInt(s, 10, 64)
	return seq, err == nil && seq >= 0 && strconv.FormatInt(seq, 10) == s
}

// sourceClasses reads classes=text,files; case does not matter.
func sourceClasses(values []string) ([]eventv1.EventClass, error) {
	var classes []eventv1.EventClass
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if name == "" {
			continue
		}
		class := eventv1.EventClass_value["EVENT_CLASS_"+strings.ToUpper(name)]
		if class == 0 {
			return nil, fault.InvalidField("classes are lifecycle, text, files and logs, separated by commas.")
		}
		classes = append(classes, eventv1.EventClass(class))
	}
	return classes, nil
}

// sourceWriter writes messages as server-sent events.
type sourceWriter struct {
	out     http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
	begun   bool
}

func (w *sourceWriter) send(m *message) error {
	w.buffer = w.buffer[:0]
	if err := w.append(m); err != nil {
		return err
	}
	w.begun = true
	if _, err := w.out.Write(w.buffer); err != nil {
		return fmt.Errorf("write server-sent events: %w", err)
	}
	if err := w.control.Flush(); err != nil {
		return fmt.Errorf("send server-sent events: %w", err)
	}
	if cap(w.buffer) > batchBytes {
		w.buffer = nil // A burst; its like may never come again.
	}
	return nil
}

func (w *sourceWriter) append(m *message) error {
	if snapshot := m.rest.GetSnapshot(); snapshot != nil {
		if err := w.named("snapshot", m.position, snapshot); err != nil {
			return err
		}
	}
	for _, r := range m.records {
		data, err := r.JSON()
		if err != nil {
			return err
		}
		w.event("", r.Seq, data)
	}
	if end := m.rest.GetEnd(); end != nil {
		return w.end(m.position, end)
	}
	if len(m.records) == 0 {
		return w.named("heartbeat", m.position, &eventv1.StreamEventsResponse{HeadSeq: m.rest.GetHeadSeq()})
	}
	return nil
}

// resyncRetry is how long a reader waits that has to begin anew.
const resyncRetry = time.Second

// end writes the last event. An EventSource comes back whatever the reason; after
// RESYNC with an empty id, so that it begins with the first event.
func (w *sourceWriter) end(position int64, end *eventv1.StreamEnd) error {
	if end.GetReason() != endResync {
		w.buffer = fmt.Appendf(w.buffer, "retry: %d\n", end.GetReconnectAfter().AsDuration().Milliseconds())
		return w.named("end", position, end)
	}
	data, err := protojson.Marshal(end)
	if err != nil {
		return fmt.Errorf("encode a server-sent event: %w", err)
	}
	w.buffer = fmt.Appendf(w.buffer, "retry: %d\nevent: end\nid: \ndata: %s\n\n", resyncRetry.Milliseconds(), data)
	return nil
}

func (w *sourceWriter) named(name string, id int64, m proto.Message) error {
	data, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a server-sent event: %w", err)
	}
	w.event(name, id, data)
	return nil
}

// event writes one event; its data has no line breaks.
func (w *sourceWriter) event(name string, id int64, data []byte) {
	if name != "" {
		w.buffer = fmt.Appendf(w.buffer, "event: %s\n", name)
	}
	w.buffer = fmt.Appendf(w.buffer, "id: %d\ndata: %s\n\n", id, data)
}
