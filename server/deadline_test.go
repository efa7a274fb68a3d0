package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// endless is a stream of messages that fails with its first write that does.
type endless struct {
	message []byte
	pause   time.Duration
	failed  chan error
}

// ServeHTTP implements [http.Handler].
func (e *endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	for {
		_, err := w.Write(e.message)
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			e.failed <- err
			return
		}
		select {
		case <-time.After(e.pause):
		case <-r.Context().Done():
			e.failed <- r.Context().Err()
			return
		}
	}
}

func serveUnstalled(t *testing.T, deadline time.Duration, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(unstalled(deadline, handler))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func h2c(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestAReaderThatStallsIsCut(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]func(t *testing.T, server *httptest.Server){
		"HTTP/1.1": func(t *testing.T, server *httptest.Server) {
			t.Helper()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: sheen\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		},
		"HTTP/2": func(t *testing.T, server *httptest.Server) {
			t.Helper()
			res, err := h2c(t).Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = res.Body.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := &endless{message: bytes.Repeat([]byte("x"), 256<<10), failed: make(chan error, 1)}
			stall(t, serveUnstalled(t, 300*time.Millisecond, handler))
			select {
			case err := <-handler.failed:
				t.Log(err)
			case <-time.After(20 * time.Second):
				t.Error("nobody noticed that the reader is gone")
			}
		})
	}
}

// narrow accepts connections that hold little in flight, so that a server feels
// its reader's pace.
type narrow struct{ net.Listener }

// Accept implements [net.Listener].
func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, nil
	}
	if err := tcp.SetWriteBuffer(16 << 10); err != nil {
		return nil, err
	}
	return tcp, nil
}

// TestASlowReaderIsNotCut reads one large message for several times the deadline,
// a piece well within each.
func TestASlowReaderIsNotCut(t *testing.T) {
	t.Parallel()
	const (
		deadline = 400 * time.Millisecond
		size     = 768 << 10
	)
	server := httptest.NewUnstartedServer(unstalled(deadline, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// What cannot be written is missed by the reader.
		_, _ = w.Write(make([]byte, size))
	})))
	server.Listener = narrow{server.Listener}
	server.Start()
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: sheen\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	read, began := 0, time.Now()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for buffer := make([]byte, 8<<10); ; <-pace.C {
		n, err := io.ReadFull(res.Body, buffer)
		read += n
		if err != nil {
			break
		}
	}
	if took := time.Since(began); read != size || took < 3*deadline {
		t.Errorf("read %d of %d bytes in %v", read, size, took)
	}
}

// TestAnIdleStreamHasNoDeadline keeps silent for longer than a write may take,
// then goes on; so does the next answer on the same connection.
func TestAnIdleStreamHasNoDeadline(t *testing.T) {
	t.Parallel()
	const deadline = 100 * time.Millisecond
	for name, client := range map[string]*http.Client{"HTTP/1.1": {Transport: &http.Transport{}}, "HTTP/2": h2c(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serveUnstalled(t, deadline, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for _, word := range []string{"before ", "after"} {
					if _, err := io.WriteString(w, word); err != nil {
						t.Error(err)
					}
					if err := http.NewResponseController(w).Flush(); err != nil {
						t.Error(err)
					}
					<-time.After(3 * deadline)
				}
			}))
			t.Cleanup(client.CloseIdleConnections)
			for range 2 {
				res, err := client.Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				var all strings.Builder
				_, err = io.Copy(&all, res.Body)
				_ = res.Body.Close()
				if err != nil || all.String() != "before after" {
					t.Errorf("read %q, %v", all.String(), err)
				}
			}
		})
	}
}
