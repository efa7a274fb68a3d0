package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// segment is what fits into an Ethernet frame. On loopback a segment has
	// 64 KB, and the kernel buffers megabytes for a reader that has stopped:
	// the server would never learn of it.
	segment = 1400
	// receiveBuffer of a narrow connection, in bytes.
	receiveBuffer = 16 << 10
	// noLimit is the rate of a connection that reads as fast as it can.
	noLimit = -1
)

// dialer makes connections that can be slowed down and cut all at once.
type dialer struct {
	net net.Dialer

	mu      sync.Mutex
	open    map[*conn]struct{}
	rate    int64
	changed chan struct{}
}

func newDialer(narrow bool) *dialer {
	d := &dialer{open: make(map[*conn]struct{}), rate: noLimit, changed: make(chan struct{})}
	d.net.Timeout = 30 * time.Second
	if narrow {
		d.net.Control = makeNarrow
	}
	return d
}

func makeNarrow(_, _ string, raw syscall.RawConn) error {
	var set error
	err := raw.Control(func(fd uintptr) {
		set = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, segment),
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer),
		)
	})
	return errors.Join(err, set)
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	inner, err := d.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, dialer: d, closed: make(chan struct{})}
	d.mu.Lock()
	d.open[c] = struct{}{}
	d.mu.Unlock()
	return c, nil
}

// throttle sets how many bytes each connection reads per second.
func (d *dialer) throttle(bytesPerSecond int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rate = bytesPerSecond
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *dialer) limit() (rate int64, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rate, d.changed
}

func (d *dialer) closeAll() {
	d.mu.Lock()
	open := d.open
	d.open = make(map[*conn]struct{})
	d.mu.Unlock()
	for c := range open {
		_ = c.Close()
	}
}

// conn is a connection that reads no faster than its dialer says.
type conn struct {
	net.Conn

	dialer *dialer
	once   sync.Once
	closed chan struct{}
}

// slice is how often a slow connection reads.
const slice = 100 * time.Millisecond

// Read implements net.Conn.
func (c *conn) Read(into []byte) (int, error) {
	for {
		rate, changed := c.dialer.limit()
		switch {
		case rate < 0:
			return c.Conn.Read(into)
		case rate > 0:
			if err := c.wait(time.After(slice), changed); err != nil {
				return 0, err
			}
			return c.Conn.Read(into[:min(int64(len(into)), max(1, rate*int64(slice)/int64(time.Second)))])
		}
		if err := c.wait(nil, changed); err != nil {
			return 0, err
		}
	}
}

func (c *conn) wait(elapsed <-chan time.Time, changed <-chan struct{}) error {
	select {
	case <-elapsed:
	case <-changed:
	case <-c.closed:
		return net.ErrClosed
	}
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.dialer.mu.Lock()
	delete(c.dialer.open, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
