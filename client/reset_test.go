package client_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
)

// resetting is a listener that resets its first connections once they are used,
// as a node does that is killed.
type resetting struct {
	*net.TCPListener

	left atomic.Int32
}

func (r *resetting) Accept() (net.Conn, error) {
	for {
		conn, err := r.AcceptTCP()
		if err != nil || r.left.Add(-1) < 0 {
			return conn, err
		}
		_, err = conn.Read(make([]byte, 1))
		if err == nil {
			err = conn.SetLinger(0)
		}
		_ = conn.Close()
		if err != nil {
			return nil, err
		}
	}
}

// A connection that is reset is no cancellation: the call is made again.
func TestResetConnectionsAreRetried(t *testing.T) {
	t.Parallel()
	inner, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	listener := &resetting{TCPListener: inner}
	listener.left.Store(3)
	server := &http.Server{Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
	server.Protocols.SetUnencryptedHTTP2(true)
	mux := http.NewServeMux()
	mux.Handle(buildv1connect.NewBuildServiceHandler(&builds{}))
	server.Handler = mux
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	c := client.New("http://" + inner.Addr().String())
	t.Cleanup(c.CloseIdleConnections)
	if _, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "a site"}); err != nil {
		t.Errorf("%v", err)
	}
}
