package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// countedConn keeps what is written, write by write.
type countedConn struct {
	net.Conn

	writes [][]byte
	err    error
}

// Write implements [net.Conn].
func (c *countedConn) Write(data []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	c.writes = append(c.writes, bytes.Clone(data))
	return len(data), nil
}

func TestACorkedConnectionGathersWrites(t *testing.T) {
	t.Parallel()
	large, half := make([]byte, corkBytes+1), make([]byte, corkBytes/2+1)
	for name, test := range map[string]struct {
		corked bool
		writes [][]byte
		want   []int
	}{
		"not corked":        {false, [][]byte{[]byte("one"), []byte("two")}, []int{3, 3}},
		"a message":         {true, [][]byte{make([]byte, 4096), make([]byte, 9000), []byte("\r\n")}, []int{4096 + 9000 + 2}},
		"too large":         {true, [][]byte{large}, []int{len(large)}},
		"large after small": {true, [][]byte{[]byte("one"), large, []byte("two")}, []int{3, len(large), 3}},
		"more than fits":    {true, [][]byte{half, half}, []int{len(half), len(half)}},
		"nothing":           {true, nil, nil},
	} {
		inner := &countedConn{}
		c := &corkConn{Conn: inner, corked: test.corked}
		var sent []byte
		for i, data := range test.writes {
			for j := range data {
				data[j] = byte(i + 1)
			}
			sent = append(sent, data...)
			if n, err := c.Write(data); err != nil || n != len(data) {
				t.Errorf("%s: %d, %v", name, n, err)
			}
			clear(data) // The caller uses its buffer again.
		}
		if err := c.uncork(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var sizes []int
		for _, w := range inner.writes {
			sizes = append(sizes, len(w))
		}
		if got := bytes.Join(inner.writes, nil); !bytes.Equal(got, sent) {
			t.Errorf("%s: other bytes, or another order", name)
		}
		if len(sizes) != len(test.want) {
			t.Errorf("%s: writes of %v bytes, not %v", name, sizes, test.want)
		}
	}
}

func TestACorkedConnectionTellsOfItsFailure(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	c := &corkConn{Conn: &countedConn{err: gone}, corked: true}
	if _, err := c.Write([]byte("held")); err != nil {
		t.Errorf("before it was sent: %v", err)
	}
	if err := c.uncork(); !errors.Is(err, gone) {
		t.Errorf("when it was sent: %v", err)
	}
	c.corked = true
	if _, err := c.Write([]byte("more")); !errors.Is(err, gone) {
		t.Errorf("after that: %v", err)
	}
}

// TestOnlyHTTP1IsCorked serves both over one listener, and wants every answer
// whole: those that are flushed, and those that are not.
func TestOnlyHTTP1IsCorked(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (corkOf(r) != nil) != (r.ProtoMajor == 1) {
			t.Errorf("%s: corked %v", r.Proto, corkOf(r) != nil)
		}
		for range 3 {
			if _, err := w.Write(make([]byte, 10_000)); err != nil {
				t.Error(err)
			}
			if r.URL.Path == "/flushed" {
				_ = http.NewResponseController(w).Flush()
			}
		}
	}), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(corkListener{listener}) }()
	t.Cleanup(func() { _ = server.Shutdown(context.WithoutCancel(t.Context())) })
	http1 := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(http1.CloseIdleConnections)
	for name, client := range map[string]*http.Client{"HTTP/1.1": http1, "HTTP/2": h2c(t)} {
		for _, path := range []string{"/flushed", "/at-the-end", "/flushed"} {
			res, err := client.Get("http://" + listener.Addr().String() + path)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if err != nil || n != 30_000 {
				t.Errorf("%s, %s: %d bytes, %v", name, path, n, err)
			}
		}
	}
}
