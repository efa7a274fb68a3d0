package webhook

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Allow is what webhooks may reach beyond public addresses on port 443. The zero
// value adds nothing.
type Allow struct {
	// hosts are host:port in lower case. They may be reached without TLS, whatever
	// their names resolve to.
	hosts []string
	// prefixes are networks whose addresses may be reached on any port.
	prefixes []netip.Prefix
}

// ParseAllow reads a list separated by commas, of host:port and of networks such
// as 10.0.0.0/8.
func ParseAllow(raw string) (Allow, error) {
	var allow Allow
	for entry := range strings.SplitSeq(raw, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			allow.prefixes = append(allow.prefixes, prefix.Masked())
			continue
		}
		host, port, err := net.SplitHostPort(entry)
		if err != nil || host == "" {
			return Allow{}, fmt.Errorf("%.100q is neither host:port nor a network", entry)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Allow{}, fmt.Errorf("%.100q has no port from 1 to 65535", entry)
		}
		allow.hosts = append(allow.hosts, entry)
	}
	return allow, nil
}

// host reports whether a host and port are listed.
func (a *Allow) host(address string) bool { return slices.Contains(a.hosts, strings.ToLower(address)) }

// addr reports whether an address lies in one of the networks.
func (a *Allow) addr(ip netip.Addr) bool {
	return slices.ContainsFunc(a.prefixes, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// inner reports whether there are networks at all: then names may be private ones.
func (a *Allow) inner() bool { return len(a.prefixes) > 0 }
