package server_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// cuttingProxy passes TCP connections on and cuts each after a random number of
// bytes towards the client, in the middle of whatever that was.
type cuttingProxy struct {
	listener net.Listener
	target   string
	least    int64
	cuts     atomic.Int64

	group sync.WaitGroup
	mu    sync.Mutex
	open  map[net.Conn]bool
}

func newCuttingProxy(t *testing.T, target string, least int64) *cuttingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cuttingProxy{listener: listener, target: target, least: least, open: make(map[net.Conn]bool)}
	p.group.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *cuttingProxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *cuttingProxy) accept() {
	for {
		down, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.pass(down) })
	}
}

// budget is how many bytes a connection may carry: up to 128 times the least, and
// every fourth without end, so that nobody is cut off for ever.
func (p *cuttingProxy) budget() int64 {
	if rand.IntN(4) == 0 {
		return math.MaxInt64
	}
	return p.least << rand.IntN(8)
}

// pass lives as long as a connection.
func (p *cuttingProxy) pass(down net.Conn) {
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = down.Close()
		return
	}
	p.note(true, down, up)
	p.group.Go(func() {
		_, _ = io.Copy(up, down)
		_ = up.Close()
	})
	_, err = io.CopyN(down, up, p.budget())
	if err == nil {
		p.cuts.Add(1)
		// A reset, not a goodbye.
		err = errors.Join(down.(*net.TCPConn).SetLinger(0), up.(*net.TCPConn).SetLinger(0)) //nolint:errcheck // TCP is all that it dials
	}
	_ = errors.Join(err, down.Close(), up.Close())
	p.note(false, down, up)
}

func (p *cuttingProxy) note(open bool, conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if open {
			p.open[c] = true
		} else {
			delete(p.open, c)
		}
	}
}

func (p *cuttingProxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.group.Wait()
}
