package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/dns/dnsmessage"
)

// resolver answers questions for any name from a table, as a hostile name server
// may.
func resolver(t *testing.T, answer func(name string) []netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.RecursionAvailable = true, true, true
			m.Answers, m.Additionals = resources(m.Questions[0], answer), nil
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func resources(q dnsmessage.Question, answer func(string) []netip.Addr) (out []dnsmessage.Resource) {
	name := strings.TrimSuffix(q.Name.String(), ".")
	for _, ip := range answer(name) {
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		switch {
		case q.Type == dnsmessage.TypeA && ip.Is4():
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case q.Type == dnsmessage.TypeAAAA && ip.Is6():
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return out
}

// watched makes a guard whose connections go nowhere: it notes the addresses that
// the guard let pass, and those that it was asked about.
func watched(t *testing.T, allow Allow, r *net.Resolver) (g *guard, passed func() []string, asked *atomic.Int32) {
	t.Helper()
	g = newGuard(allow, r)
	var all []string
	asked = new(atomic.Int32)
	control := g.guarded.Control
	g.guarded.Control = func(network, address string, conn syscall.RawConn) error {
		asked.Add(1)
		if err := control(network, address, conn); err != nil {
			return err
		}
		all = append(all, address)
		return errors.New("the test lets nothing out")
	}
	g.guarded.FallbackDelay = -1 // One after the other.
	return g, func() []string { return all }, asked
}

// special are addresses that no webhook may reach, one or more per block of the
// registries for special purposes.
var special = []string{
	"0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.64.0.1", "100.100.100.200",
	"100.127.255.255", "127.0.0.0", "127.0.0.1", "127.0.1.1", "127.1.2.3", "127.255.255.255", "169.254.0.0", "169.254.0.1",
	"169.254.169.254", "169.254.170.2", "169.254.255.255", "172.16.0.0", "172.16.0.1", "172.17.0.1", "172.31.255.255",
	"192.0.0.0", "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.0.192", "192.0.2.0", "192.0.2.1", "192.0.2.255", "192.31.196.1",
	"192.52.193.1", "192.88.99.1", "192.168.0.0", "192.168.0.1", "192.168.1.1", "192.168.255.255", "192.175.48.1", "198.18.0.0",
	"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "224.0.0.251", "239.255.255.250", "239.255.255.255",
	"240.0.0.1", "250.1.2.3", "255.255.255.254", "255.255.255.255",
	"::", "::1", "::2", "::ffff:0:0", "::127.0.0.1", "::10.0.0.1", "::169.254.169.254", "100::1", "100:0:0:1::1",
	"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1::a00:1", "2001::1", "2001::7f00:1",
	"2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1",
	"2001:1::1", "2001:db8::1", "2001:db8:ffff::1", "2002:7f00:1::1", "2002:a00:1::", "2002:a9fe:a9fe::", "2002:c0a8:101::1",
	"2620:4f:8000::1", "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fd12:3456:789a::1",
	"fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "feff::1", "ff00::1", "ff01::1", "ff02::1", "ff02::fb", "ff05::2", "ff0e::1",
	"4000::1", "8000::1", "e000::1", "::ffff:0:127.0.0.1",
}

// spellings are the ways in which an IPv4 address can be written for someone who
// is lenient, and the IPv6 forms that hold it.
func spellings(ip netip.Addr) []string {
	if !ip.Is4() {
		return []string{ip.String(), ip.StringExpanded(), strings.ToUpper(ip.String())}
	}
	b := ip.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return []string{
		ip.String(), ip.String() + ".", strconv.FormatUint(uint64(n), 10), fmt.Sprintf("0x%x", n), fmt.Sprintf("0X%08X", n), fmt.Sprintf("0%o", n),
		fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]), fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]), fmt.Sprintf("%d.%d", b[0], n&0xffffff),
		fmt.Sprintf("%d.%d.%d", b[0], b[1], n&0xffff), fmt.Sprintf("0x%x.%d", b[0], n&0xffffff),
		fmt.Sprintf("%d.0x%x.0%o.%d", b[0], b[1], b[2], b[3]),
		"::ffff:" + ip.String(), fmt.Sprintf("::ffff:%x:%x", n>>16, n&0xffff), fmt.Sprintf("0:0:0:0:0:FFFF:%X:%X", n>>16, n&0xffff),
		"64:ff9b::" + ip.String(), fmt.Sprintf("2002:%x:%x::1", n>>16, n&0xffff), "::" + ip.String(),
	}
}

// No spelling of a special address gets a connection, whoever resolves it: each is
// dialed as it is, with a resolver that knows all the spellings, and under a name
// that resolves to it. Creating an endpoint with it is refused, too.
func TestSpecialAddresses(t *testing.T) {
	t.Parallel()
	table := map[string][]netip.Addr{}
	var hosts []string
	for i, text := range special {
		ip := netip.MustParseAddr(text)
		for _, spelling := range spellings(ip) {
			table[strings.ToLower(strings.TrimSuffix(spelling, "."))] = []netip.Addr{ip}
			hosts = append(hosts, spelling)
		}
		name := fmt.Sprintf("name-%d.example.com", i)
		table[name] = []netip.Addr{ip}
		hosts = append(hosts, name)
	}
	for _, local := range []string{
		"localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain", "ip6-localhost", "metadata.google.internal",
		"metadata", "instance-data", "host.docker.internal", "kubernetes.default.svc.cluster.local", "printer.local", "router.lan",
		"intranet", "db.corp", "nas.home.arpa", "fe80::1%lo", "fe80::1%25eth0", "::1%1",
	} {
		table[strings.ToLower(local)] = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
		hosts = append(hosts, local)
	}
	if len(hosts) < 300 {
		t.Fatalf("only %d spellings", len(hosts))
	}
	g, passed, asked := watched(t, Allow{}, resolver(t, func(name string) []netip.Addr { return table[strings.ToLower(name)] }))
	for _, host := range hosts {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		before := asked.Load()
		conn, err := g.dial(ctx, "tcp", net.JoinHostPort(host, "443"))
		cancel()
		if err == nil {
			t.Errorf("%s: connected to %v", host, conn.RemoteAddr())
			continue
		}
		// A name that resolved was refused by the guard, not by chance.
		if strings.HasSuffix(host, "example.com") && (asked.Load() == before || !errors.Is(err, errRefused)) {
			t.Errorf("%s: %v", host, err)
		}
		if refusal := g.check("https://" + bracketed(host) + "/hook"); refusal == nil && !strings.HasSuffix(host, "example.com") {
			t.Errorf("%s: an endpoint can be made", host)
		}
	}
	if all := passed(); len(all) != 0 {
		t.Errorf("the guard let pass: %v", all)
	}
	t.Logf("%d spellings, %d attempts to connect", len(hosts), asked.Load())
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	return host
}

// What is public passes, on port 443 only.
func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	hosts := map[string]netip.Addr{
		"one.example.com": netip.MustParseAddr("93.184.216.34"), "two.example.com": netip.MustParseAddr("2606:2800:220:1::1"),
	}
	g, passed, _ := watched(t, Allow{}, resolver(t, func(name string) []netip.Addr {
		if ip, ok := hosts[name]; ok {
			return []netip.Addr{ip}
		}
		return nil
	}))
	for host := range hosts {
		for _, port := range []string{"443", "80", "22", "8443", "6379"} {
			_, err := g.dial(t.Context(), "tcp", net.JoinHostPort(host, port))
			if refused := errors.Is(err, errRefused); refused != (port != "443") {
				t.Errorf("%s:%s: %v", host, port, err)
			}
		}
	}
	if all := passed(); len(all) != 2 {
		t.Errorf("passed: %v", all)
	}
}

// A name that is public when it is checked and private when it is called gets no
// connection: the address is checked at the connection.
func TestRebinding(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	port := netip.MustParseAddrPort(r.Listener.Addr().String()).Port()
	var asked atomic.Int32
	g := newGuard(Allow{}, resolver(t, func(string) []netip.Addr {
		if asked.Add(1) <= 2 { // A and AAAA.
			return []netip.Addr{netip.MustParseAddr("93.184.216.34")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}))
	// The receiver's port takes the place of 443, so that only the address is in the way.
	g.public = portGuardian(port)
	ips, err := g.guarded.Resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com")
	if err != nil || len(ips) != 1 || !g.permits(ips[0].Unmap()) {
		t.Fatalf("%v, %v: the name is to be public at first", ips, err)
	}
	asked.Store(2)
	s := newSender(g)
	// As send does, but for the check of the port.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://rebind.example.com:%d/", port), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, errRefused) || len(r.got()) != 0 || failureOf(err) != failedRefused {
		t.Errorf("%v, %d requests", err, len(r.got()))
	}
	// With the address allowed, the same request arrives: nothing else was in the way.
	g.allow, err = ParseAllow("127.0.0.1/32")
	if err != nil {
		t.Fatal(err)
	}
	if res, err = s.client.Do(req); err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if len(r.got()) != 1 {
		t.Errorf("%d requests", len(r.got()))
	}
	s.client.CloseIdleConnections()
}

// A proxy of the environment would connect on our behalf.
func TestNoProxy(t *testing.T) {
	r := receive(t, nil)
	t.Setenv("HTTP_PROXY", r.URL)
	t.Setenv("HTTPS_PROXY", r.URL)
	s := newSender(newGuard(Allow{}, resolver(t, func(string) []netip.Addr { return nil })))
	if got := s.send(t.Context(), "https://example.com/", http.Header{}, nil, time.Now()); got.failure != failedName || len(r.got()) != 0 {
		t.Errorf("%+v, %d requests", got, len(r.got()))
	}
}

func portGuardian(port uint16) *ssrf.Guardian { return ssrf.New(ssrf.WithPorts(port)) }
