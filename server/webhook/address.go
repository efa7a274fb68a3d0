package webhook

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/fault"
)

// privateNames are the ends of names that no public host has: reserved by RFC
// 6761, 6762, 7686, 8375 and 9476 and by ICANN for private use, or in wide use as
// such.
var privateNames = []string{
	"localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa",
	"alt", "test", "invalid", "onion",
}

// number matches the last label of what some resolvers take for an IPv4 address:
// 2130706433, 0x7f.1, 127.1.
var number = regexp.MustCompile(`^(\d+|0x[0-9a-f]*)$`)

// check refuses an address that is obviously none of a public host, with a sentence
// for its owner. What its name resolves to shows when it is called.
func (g *guard) check(raw string) *fault.Error {
	target, err := url.Parse(raw)
	switch {
	case err != nil || target.Opaque != "":
		return badAddress("must be one such as https://example.com/hook")
	case target.User != nil:
		return badAddress("must not hold a user name or password")
	case target.Fragment != "" || strings.Contains(raw, "#"):
		return badAddress("must not have a fragment")
	}
	host := strings.ToLower(strings.TrimSuffix(target.Hostname(), "."))
	port := target.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[target.Scheme]
	}
	if (target.Scheme == "https" || target.Scheme == "http") && g.allow.host(net.JoinHostPort(host, port)) {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	isIP := err == nil
	switch {
	case target.Scheme != "https" && !(target.Scheme == "http" && isIP && g.allow.addr(ip)):
		return badAddress("must begin with https://")
	case port != "443" && !g.allow.inner():
		return badAddress("must have no port, or 443")
	case isIP && (ip.Zone() != "" || !g.permits(ip)):
		return badAddress("must be of a public host")
	case isIP:
		return nil
	}
	return g.checkName(host)
}

// checkName judges a name that is no IP address.
func (g *guard) checkName(host string) *fault.Error {
	labels := strings.Split(host, ".")
	private := slices.ContainsFunc(privateNames, func(end string) bool {
		return host == end || strings.HasSuffix(host, "."+end)
	})
	switch {
	case strings.ContainsFunc(host, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", r) }):
		return badAddress("must have a host name of letters, digits and hyphens; write others in Punycode")
	case slices.Contains(labels, ""):
		return badAddress("must have a host")
	case number.MatchString(labels[len(labels)-1]):
		return badAddress("must have a host name, or an IP address in its usual form")
	case (private || len(labels) == 1) && !g.allow.inner():
		return badAddress("must be of a public host")
	}
	return nil
}
