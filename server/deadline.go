package server

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// writeDeadline is how long a client may take none of a piece of an answer:
	// its socket is dead then. A slow one takes pieces, slowly.
	writeDeadline = 15 * time.Second
	// writePiece is what a client has to take in that time: 2 KB/s.
	writePiece = 32 << 10
)

// unstalled cuts answers that a client does not take, however long the answer
// lives: the deadline is one of each write, not one of the whole.
func unstalled(deadline time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &deadlineWriter{ResponseWriter: w, control: http.NewResponseController(w), deadline: deadline, persistent: r.ProtoMajor > 1, cork: corkOf(r)}
		next.ServeHTTP(out, r)
		out.uncork()
		// What is still buffered is sent after this. The next answer on the same
		// connection begins a time of its own.
		_ = out.arm()
	})
}

type deadlineWriter struct {
	http.ResponseWriter

	control  *http.ResponseController
	deadline time.Duration
	// persistent says that a deadline ends the stream when it passes, also while
	// nothing is written: in HTTP/2.
	persistent bool
	// armed is the deadline in force; zero if there is none.
	armed time.Time
	// cork is nil where messages are sent as they are written.
	cork *corkConn
}

// uncork sends what is held back. What cannot be sent fails at the next write.
func (w *deadlineWriter) uncork() {
	if w.cork != nil {
		_ = w.cork.uncork()
	}
}

// Unwrap serves [http.ResponseController].
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements [http.ResponseWriter].
func (w *deadlineWriter) Write(data []byte) (int, error) {
	written := 0
	for {
		piece := data[written:min(len(data), written+writePiece)]
		if err := w.arm(); err != nil {
			return written, err
		}
		if w.cork != nil {
			w.cork.corked = true
		}
		n, err := w.ResponseWriter.Write(piece)
		written += n
		if err != nil || written == len(data) {
			return written, err //nolint:wrapcheck // the server's own
		}
	}
}

// Flush implements [http.Flusher].
func (w *deadlineWriter) Flush() {
	// What cannot be sent fails at the next write.
	_ = w.FlushError()
}

// FlushError serves [http.ResponseController]. Nothing is in flight after it, so
// that an idle stream has no deadline.
func (w *deadlineWriter) FlushError() error {
	if err := w.arm(); err != nil {
		return err
	}
	if err := w.control.Flush(); err != nil {
		return fmt.Errorf("send what is written: %w", err)
	}
	w.uncork()
	if !w.persistent {
		return nil
	}
	return w.set(time.Time{})
}

// arm begins a write's time. A message consists of several writes; those that
// follow each other closely share one.
func (w *deadlineWriter) arm() error {
	now := time.Now()
	if w.armed.Sub(now) > w.deadline*15/16 {
		return nil
	}
	return w.set(now.Add(w.deadline))
}

func (w *deadlineWriter) set(deadline time.Time) error {
	w.armed = deadline
	if err := w.control.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("set a write's deadline: %w", err)
	}
	return nil
}
