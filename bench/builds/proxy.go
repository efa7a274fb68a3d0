package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// proxy stands between nodes and Postgres and counts round trips: how often a
// client sent something after the server had answered.
type proxy struct {
	// dir holds the socket that clients connect to.
	dir      string
	listener net.Listener
	trips    atomic.Int64
	group    sync.WaitGroup
}

// startProxy listens in a folder of its own under dir.
func startProxy(ctx context.Context, socket, dir string) (*proxy, error) {
	p := &proxy{dir: filepath.Join(dir, "proxy")}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	p.listener, err = new(net.ListenConfig).Listen(ctx, "unix", filepath.Join(p.dir, filepath.Base(socket)))
	if err != nil {
		return nil, err
	}
	p.group.Go(func() { p.serve(ctx, socket) })
	return p, nil
}

func (p *proxy) serve(ctx context.Context, socket string) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		answered := new(atomic.Bool)
		answered.Store(true)
		p.group.Go(func() {
			forward(server, client, func() {
				if answered.Swap(false) {
					p.trips.Add(1)
				}
			})
		})
		p.group.Go(func() { forward(client, server, func() { answered.Store(true) }) })
	}
}

// forward copies until either side ends, and then ends both.
func forward(to, from net.Conn, read func()) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			read()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// close ends the listener; connections end with their clients.
func (p *proxy) close() error {
	err := p.listener.Close()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	p.group.Wait()
	return err
}
