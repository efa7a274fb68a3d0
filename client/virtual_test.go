package client_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// pipes is a listener without a network, so that its time can be virtual.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs a scripted server and a client in virtual time.
func inBubble(t *testing.T, scripts [][]step, test func(t *testing.T, c *client.Client, s *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		s := &scripted{scripts: scripts, positions: make(chan client.Position, 100)}
		t.Cleanup(s.serve(listener))
		transport := &http.Transport{DialContext: listener.dial}
		defer transport.CloseIdleConnections()
		test(t, client.New("http://sheen.test", client.WithHTTPClient(&http.Client{Transport: transport})), s)
	})
}

func wait(d time.Duration) step {
	return func(ctx context.Context, _ *scripted, _ *connect.ServerStream[eventv1.StreamEventsResponse]) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestThreeMissedHeartbeatsAreADeadStream(t *testing.T) {
	t.Parallel()
	const beat = 15 * time.Second
	scripts := [][]step{
		{send(1, 2, 3), wait(beat), heartbeat("token 3"), wait(2 * beat), heartbeat("token 3"), silence()},
		{send(4, 5, 6, 7, 8, 9)},
	}
	inBubble(t, scripts, func(t *testing.T, c *client.Client, s *scripted) {
		began := time.Now()
		var got []int64
		for event, err := range c.Follow(t.Context(), buildID) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, event.GetSeq())
		}
		if want := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if took := time.Since(began); took < 6*beat || took > 6*beat+time.Second {
			t.Errorf("the dead stream was noticed after %v in all, want 90 s", took)
		}
		if starts, _ := s.seen(); !slices.Equal(starts, []string{"after 0", "token 3"}) {
			t.Errorf("starts %q", starts)
		}
	})
}

func TestSlowLoopIsNoDeadStream(t *testing.T) {
	t.Parallel()
	inBubble(t, [][]step{{send(1, 2, 3), send(4, 5, 6, 7, 8, 9)}}, func(t *testing.T, c *client.Client, s *scripted) {
		for event, err := range c.Follow(t.Context(), buildID) {
			if err != nil {
				t.Fatal(err)
			}
			if event.GetSeq() == 2 {
				time.Sleep(time.Hour) //nolint:forbidigo // in virtual time
			}
		}
		if starts, _ := s.seen(); len(starts) != 1 {
			t.Errorf("%d streams, want 1", len(starts))
		}
	})
}

func TestLongQuietStreamsAreNotPunished(t *testing.T) {
	t.Parallel()
	quiet := []step{heartbeat(""), wait(20 * time.Second), unsaid()}
	scripts := append(slices.Repeat([][]step{quiet}, 20), []step{send(1, 2, 3, 4, 5, 6, 7, 8, 9)})
	inBubble(t, scripts, func(t *testing.T, c *client.Client, _ *scripted) {
		began := time.Now()
		for _, err := range c.Follow(t.Context(), buildID) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began) - 20*20*time.Second; waited > 20*100*time.Millisecond {
			t.Errorf("waited %v between streams", waited)
		}
	})
}
