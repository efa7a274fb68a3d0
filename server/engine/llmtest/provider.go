package llmtest

import (
	"embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Format is a provider's wire format.
type Format string

// The formats.
const (
	Anthropic Format = "anthropic"
	OpenAI    Format = "openai"
)

// Key is the API key that the server takes.
const Key = "sk-test-canary-hunter2-key"

//go:embed testdata
var recordings embed.FS

// Provider is a running server. It is safe for concurrent use.
type Provider struct {
	t      testing.TB
	format Format
	server *httptest.Server

	mu       sync.Mutex
	requests []Request
	faults   []*injected
	holds    map[string]*Hold
	closed   int
}

// injected is a fault that waits for a request of a task; "" is any.
type injected struct {
	task  string
	fault Fault
}

// Start runs a server until the test ends. The test fails if a fault that was
// injected never came about.
func Start(t testing.TB, format Format) *Provider {
	t.Helper()
	p := &Provider{t: t, format: format, holds: map[string]*Hold{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
		for _, f := range p.faults {
			if !f.fault.always {
				t.Errorf("llmtest: a fault for %q never came about", f.task)
			}
		}
	})
	return p
}

// BaseURL is what an engine is configured with.
func (p *Provider) BaseURL() string {
	if p.format == OpenAI {
		return p.server.URL + "/v1"
	}
	return p.server.URL
}

// Inject has the next requests of a task, such as "plan" or "write:index.html",
// end in faults, one each and in order. The empty task is any.
func (p *Provider) Inject(task string, faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range faults {
		p.faults = append(p.faults, &injected{task, f})
	}
}

// Hold is a request that waits.
type Hold struct {
	// Arrived is closed when the request is there.
	Arrived chan struct{}
	release chan struct{}
	once    sync.Once
}

// Release lets the request be answered.
func (h *Hold) Release() { close(h.release) }

// Hold has the next request of a task wait, with a stream that has begun, until it
// is released or closed by the other side.
func (p *Provider) Hold(task string) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &Hold{Arrived: make(chan struct{}), release: make(chan struct{})}
	p.holds[task] = h
	return h
}

// Requests are those that came until now.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Count is how many requests of a task came.
func (p *Provider) Count(task string) int {
	n := 0
	for _, r := range p.Requests() {
		if r.Task == task {
			n++
		}
	}
	return n
}

// Closed is how many requests the other side closed before their end.
func (p *Provider) Closed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, err := p.read(r)
	if err != nil {
		p.t.Errorf("llmtest: a request that the provider would refuse: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fault, hold := p.note(req)
	if hold != nil || fault.status == 0 {
		begin(w)
	}
	if hold != nil {
		hold.once.Do(func() { close(hold.Arrived) })
		select {
		case <-hold.release:
		case <-r.Context().Done():
			p.left()
			return
		}
	}
	if fault.status != 0 {
		p.refuse(w, fault)
		return
	}
	p.replay(w, r, p.recording(req, fault), fault)
}

// note keeps a request and finds what is to become of it.
func (p *Provider) note(req Request) (Fault, *Hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, req)
	hold := p.holds[req.Task]
	delete(p.holds, req.Task)
	for i, f := range p.faults {
		if f.task != "" && f.task != req.Task {
			continue
		}
		if !f.fault.always {
			p.faults = slices.Delete(p.faults, i, i+1)
		}
		return f.fault, hold
	}
	return Fault{}, hold
}

func (p *Provider) left() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed++
}

func (p *Provider) refuse(w http.ResponseWriter, f Fault) {
	body, err := recordings.ReadFile(fmt.Sprintf("testdata/%s/%d.json", p.format, f.status))
	if err != nil {
		p.t.Errorf("llmtest: %v", err)
	}
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}

// recording is the stream for a request.
func (p *Provider) recording(req Request, f Fault) []byte {
	name := f.file
	switch {
	case name != "":
	case req.Task == "recommend":
		language, _, _ := strings.Cut(req.Locale, "-")
		name = "recommend-" + language
	case req.Task == "plan" && req.Update:
		name = "plan-update"
	case req.Task == "write:index.html" && req.Update:
		name = "update-index.html"
	default:
		name = strings.NewReplacer(":", "-", "/", "-").Replace(req.Task)
	}
	stream, err := recordings.ReadFile(fmt.Sprintf("testdata/%s/%s.sse", p.format, name))
	if err != nil {
		p.t.Errorf("llmtest: no stream for %q: %v", req.Task, err)
	}
	return stream
}
