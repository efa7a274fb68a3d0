package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// provider is a model that never comes to an end: it streams text, as the
// OpenAI-compatible protocol has it, until its request is closed.
type provider struct {
	url    string
	server *http.Server

	mu    sync.Mutex
	calls map[int]*modelCall
}

// modelCall is the request for one build.
type modelCall struct {
	begun, closed chan struct{}
	// closedAt is set before closed is.
	closedAt time.Time
}

func startProvider(ctx context.Context) (*provider, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{url: "http://" + listener.Addr().String() + "/v1", calls: map[int]*modelCall{}}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			note("the provider stopped: %v", err)
		}
	}()
	return p, nil
}

func (p *provider) close() error { return p.server.Close() }

// expect prepares for the request of the n-th build.
func (p *provider) expect(n int) *modelCall {
	p.mu.Lock()
	defer p.mu.Unlock()
	call := &modelCall{begun: make(chan struct{}), closed: make(chan struct{})}
	p.calls[n] = call
	return call
}

// numbered finds the build that a request is for in its prompt.
var numbered = regexp.MustCompile(`Salon No\. (\d+)`)

// ServeHTTP implements [http.Handler].
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	found := numbered.FindSubmatch(body)
	if err != nil || found == nil {
		http.Error(w, "no number", http.StatusBadRequest)
		return
	}
	n, err := strconv.Atoi(string(found[1]))
	p.mu.Lock()
	call := p.calls[n]
	delete(p.calls, n)
	p.mu.Unlock()
	if err != nil || call == nil {
		http.Error(w, "not expected", http.StatusBadRequest)
		return
	}
	defer func() {
		call.closedAt = time.Now()
		close(call.closed)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 0; ; i++ {
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word %d \"}}]}\n\n", i)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		if i == 1 {
			close(call.begun)
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
