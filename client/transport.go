package client

import (
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// pingAfter and pingTimeout find a dead HTTP/2 connection before three
	// missed heartbeats do: a resumed stream must not go onto the dead one.
	pingAfter   = 15 * time.Second
	pingTimeout = 10 * time.Second
)

// NewHTTPClient returns the HTTP client that [New] uses for a server.
//
// To an https address it speaks HTTP/2 where the server offers it, else
// HTTP/1.1. To an http address there is no negotiation, and net/http would
// choose HTTP/1.1 with a connection for every stream; Sheen speaks HTTP/2 there
// without asking (h2c, prior knowledge), so that all calls and streams share one
// connection. Where a proxy in between knows HTTP/1.1 only, pass an ordinary
// [http.Client] to [WithHTTPClient]: every call works over HTTP/1.1 too.
func NewHTTPClient(baseURL string) *http.Client {
	var protocols http.Protocols
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     time.Minute,
		Protocols:           &protocols,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if strings.HasPrefix(baseURL, "https:") {
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	return &http.Client{Transport: transport}
}
