package llm

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

// DefaultSilence is how long a stream may say nothing before it is cut.
const DefaultSilence = 60 * time.Second

// Options configure an [Engine]. The zero value has a price of nothing.
type Options struct {
	Price Price
	// Silence is how long a provider may say nothing; 0 is [DefaultSilence].
	Silence time.Duration
	// Wait pauses between two tries, for d or until ctx ends, and then returns
	// its cause. The default uses a timer; tests count instead.
	Wait func(ctx context.Context, d time.Duration) error
}

// Engine has a model plan and write sites. It is safe for concurrent use.
type Engine struct {
	wire    Wire
	price   Price
	http    *http.Client
	silence time.Duration
	wait    func(ctx context.Context, d time.Duration) error
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine that asks over a wire. Connections it keeps for the next
// call are closed with [Engine.CloseIdle].
func New(wire Wire, options Options) *Engine {
	e := &Engine{
		wire: wire, price: options.Price, silence: options.Silence, wait: options.Wait,
		http: &http.Client{
			Transport: newTransport(),
			// A key goes to the address that was configured and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if e.silence <= 0 {
		e.silence = DefaultSilence
	}
	if e.wait == nil {
		e.wait = engine.Wait
	}
	return e
}

func newTransport() http.RoundTripper {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return http.DefaultTransport
}

// CloseIdle closes the connections that no call uses.
func (e *Engine) CloseIdle() { e.http.CloseIdleConnections() }

// Name is that of the wire.
func (e *Engine) Name() string { return e.wire.Name() }

// Plan streams what the model tells the user and returns its plan. An error is
// [engine.ErrRefused], [engine.ErrTooLong], a [*engine.ProviderError], the sink's
// or the context's cause; so it is in all methods.
func (e *Engine) Plan(ctx context.Context, req engine.Request, sink engine.Sink) (*engine.Plan, engine.Usage, error) {
	c := e.converse(sink)
	var plan *engine.Plan
	spoke := false
	say := func(text string) error {
		spoke = true
		return sink.Text(ctx, text)
	}
	err := c.ask(ctx, engine.PlanKey, planQuery(req), say, func(reply Reply) (err error) {
		plan, err = readPlan(req, reply.Arguments)
		return err
	})
	if err == nil && !spoke {
		// Some models use the tool without a word.
		err = sayWords(ctx, plan.Summary, sink)
	}
	if err != nil {
		return nil, c.usage, err
	}
	return plan, c.usage, nil
}

// Write has the model write the plan's files except those in done, a call each.
func (e *Engine) Write(ctx context.Context, req engine.Request, plan *engine.Plan, done []string, sink engine.Sink) (engine.Usage, error) {
	c := e.converse(sink)
	site := newSite(req, plan)
	for _, file := range plan.Files {
		if slices.Contains(done, file.Path) {
			continue
		}
		content, err := c.file(ctx, engine.WriteKey(file.Path), file.Path, site.writeQuery(file))
		if err != nil {
			return c.usage, err
		}
		site.wrote(file.Path, content)
		if err := deliver(ctx, sink, file.Path, content); err != nil {
			return c.usage, err
		}
	}
	return c.usage, nil
}

// Fix has the model write the files again that failures name, a call each.
func (e *Engine) Fix(ctx context.Context, req engine.Request, plan *engine.Plan, files []engine.File, failures []engine.Failure, sink engine.Sink) (engine.Usage, error) {
	c := e.converse(sink)
	site := newSite(req, plan)
	for _, path := range failing(failures) {
		content, err := c.file(ctx, engine.FixKey(req.FixAttempt, path), path, site.fixQuery(path, files, failures))
		if err != nil {
			return c.usage, err
		}
		if err := deliver(ctx, sink, path, content); err != nil {
			return c.usage, err
		}
	}
	return c.usage, nil
}

// frontPage is the file to mend when a failure names none.
const frontPage = "index.html"

// failing lists the files that failures name, in their order. A path that must
// not be stored is nobody's to mend.
func failing(failures []engine.Failure) []string {
	var paths []string
	for _, f := range failures {
		path := f.Path
		if path == "" {
			path = frontPage
		}
		if _, err := engine.CleanPath(path); err == nil && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// file makes the call that writes a file and returns the file whole.
func (c *conversation) file(ctx context.Context, key, path string, query Query) ([]byte, error) {
	var content []byte
	err := c.ask(ctx, key, query, nil, func(reply Reply) (err error) {
		content, err = readFile(path, reply.Arguments)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return content, nil
}

// chunkSize is how much of a file goes out at once, in bytes.
const chunkSize = 16 << 10

// deliver hands a whole file to the sink.
func deliver(ctx context.Context, sink engine.Sink, path string, content []byte) error {
	for last := false; !last; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(chunkSize, len(content))
		last = n == len(content)
		if err := sink.File(ctx, engine.Chunk{Path: path, Data: content[:n:n], Last: last}); err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

// sayWords hands a text to the sink in words.
func sayWords(ctx context.Context, text string, sink engine.Sink) error {
	for word := range strings.SplitAfterSeq(text, " ") {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := sink.Text(ctx, word); err != nil {
			return err
		}
	}
	return nil
}
