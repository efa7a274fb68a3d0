package server

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// corkBytes is the most that a corked connection gathers: a message and its frame.
const corkBytes = 64 << 10

// corkListener accepts connections that can be corked.
type corkListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l corkListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the listener's own
	}
	return &corkConn{Conn: conn}, nil
}

// corkConn gathers, while it is corked, what is written into one write. HTTP/1.1
// frames a message with three, the last of two bytes, and each costs the server a
// system call and wakes the client. Only the goroutine that serves the connection
// may use it.
type corkConn struct {
	net.Conn

	corked bool
	held   *[]byte
	// err is why what was held could not be sent.
	err error
}

var corkBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, 0, corkBytes)
	return &buffer
}}

// Write implements [net.Conn].
func (c *corkConn) Write(data []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if !c.corked || len(data) > corkBytes {
		if err := c.send(); err != nil {
			return 0, err
		}
		return c.Conn.Write(data) //nolint:wrapcheck // the connection's own
	}
	if c.held != nil && len(*c.held)+len(data) > corkBytes {
		if err := c.send(); err != nil {
			return 0, err
		}
	}
	if c.held == nil {
		c.held, _ = corkBuffers.Get().(*[]byte)
	}
	*c.held = append(*c.held, data...)
	return len(data), nil
}

// uncork sends what was gathered and gathers no more.
func (c *corkConn) uncork() error {
	c.corked = false
	return c.send()
}

func (c *corkConn) send() error {
	if c.held == nil {
		return c.err
	}
	_, c.err = c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	corkBuffers.Put(c.held)
	c.held = nil
	return c.err
}

type corkKey struct{}

// withCork lets [unstalled] find the connection of a request.
func withCork(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, corkKey{}, conn)
}

// corkOf is the connection of an HTTP/1.1 request, nil if it cannot be corked: in
// HTTP/2 the streams share one.
func corkOf(r *http.Request) *corkConn {
	if r.ProtoMajor > 1 {
		return nil
	}
	conn, _ := r.Context().Value(corkKey{}).(*corkConn)
	return conn
}
