package faults

import (
	"context"
	"net"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// wire is a network between a node and a store, which can be cut and slowed.
type wire struct {
	proxy *toxiproxy.Proxy
}

// lay begins to forward a free port to a store's.
func lay(t *testing.T, name, port string) *wire {
	t.Helper()
	host := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wire{proxy: toxiproxy.NewProxy(host, name, "127.0.0.1:0", "127.0.0.1:"+port)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	return w
}

// port is where a node connects.
func (w *wire) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(w.proxy.Listen)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// cut ends every connection and lets none come.
func (w *wire) cut() { w.proxy.Stop() }

func (w *wire) mend(t *testing.T) {
	t.Helper()
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// add puts a toxic, described in Toxiproxy's JSON, on the wire.
func (w *wire) add(t *testing.T, description string) toxics.Toxic {
	t.Helper()
	added, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	return added.Toxic
}

// remove takes a toxic off the wire by its name.
func (w *wire) remove(t *testing.T, name string) {
	t.Helper()
	if err := w.proxy.Toxics.RemoveToxic(context.WithoutCancel(t.Context()), name); err != nil {
		t.Fatal(err)
	}
}
