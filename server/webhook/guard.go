package webhook

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// dialTimeout bounds the making of a connection.
const dialTimeout = 10 * time.Second

// guard makes connections to what webhooks may reach, and to nothing else. It is
// safe for concurrent use.
type guard struct {
	allow  Allow
	public *ssrf.Guardian
	// free makes connections to what is listed, guarded all others.
	free, guarded net.Dialer
}

// newGuard makes one that resolves names by resolver; nil is the system's.
func newGuard(allow Allow, resolver *net.Resolver) *guard {
	g := &guard{allow: allow, public: ssrf.New(ssrf.WithPorts(443))}
	g.free = net.Dialer{Timeout: dialTimeout, Resolver: resolver}
	g.guarded = net.Dialer{Timeout: dialTimeout, Resolver: resolver, Control: g.control}
	return g
}

// dial connects to host:port.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &g.guarded
	if g.allow.host(address) {
		dialer = &g.free
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// control is asked before each connection, with the address that it is going to
// be made to: what a name resolved to before does not matter.
func (g *guard) control(network, address string, conn syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if g.allow.addr(target.Addr()) {
		return nil
	}
	if err := g.public.Safe(network, address, conn); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// permits reports whether an address by itself may be reached, on some port.
func (g *guard) permits(ip netip.Addr) bool {
	return g.allow.addr(ip) || g.public.SafeAddr(ip) == nil
}
