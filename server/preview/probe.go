package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
	"github.com/sheenapps/sheen/server/preview/sitepath"
)

const (
	// defaultProbeTimeout bounds a whole probe: the files are on this machine or
	// in a store next to it.
	defaultProbeTimeout = 20 * time.Second
	// maxProbeBytes bounds the bodies of a whole probe: every file twice.
	maxProbeBytes = 2 * sitecheck.MaxBytes
	// maxProbeRequests bounds the requests of a whole probe.
	maxProbeRequests = 2 * sitecheck.MaxFiles
)

// errProbeTimeout is the cause when a probe takes too long.
var errProbeTimeout = errors.New("the probe took too long")

// ProbeOptions say what to ask.
type ProbeOptions struct {
	// URL is the address of the index page, as [Origin.URL] gives it.
	URL string
	// DialAddress is the host:port to connect to instead of the URL's host,
	// which may resolve in browsers only; empty connects to the URL's.
	DialAddress string
	// Paths are the rooted paths of further pages, such as "/about.html".
	Paths []string
	// Assets are the rooted paths of further files. Those that the index loads
	// are asked for without being named.
	Assets []string
	// Digests are those of the files behind rooted paths, where they are known.
	// An answer must have its own then; what is in it was judged before.
	Digests map[string]Digest
	// Timeout bounds the whole probe; 0 means 20 seconds.
	Timeout time.Duration
}

// Probe asks a served preview for its index, the pages and assets that opts
// name, and what the index loads. Pages must answer 200 with HTML that has a
// title, assets 200 with the content type of their name; none may be empty.
// No redirect is followed and no proxy asked.
//
// The error is a [*ProbeError] when the site is at fault and [ErrUnreachable]
// when the platform is.
func Probe(ctx context.Context, opts ProbeOptions) error {
	base, err := url.Parse(opts.URL)
	if err != nil {
		return fmt.Errorf("%w: address of the preview: %w", ErrConfig, err)
	}
	timeout := opts.Timeout
	if timeout == 0 {
		timeout = defaultProbeTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errProbeTimeout)
	defer cancel()
	transport := probeTransport(opts.DialAddress)
	defer transport.CloseIdleConnections()
	p := &prober{
		base:      base,
		asked:     map[string]bool{},
		digests:   opts.Digests,
		remaining: maxProbeBytes,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if err := p.run(ctx, opts); err != nil {
		return err
	}
	if len(p.failures) > 0 {
		return &ProbeError{Failures: p.failures}
	}
	return nil
}

func probeTransport(dialAddress string) *http.Transport {
	dialer := &net.Dialer{}
	return &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialAddress != "" {
				address = dialAddress
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
}

// prober is one probe at work.
type prober struct {
	base      *url.URL
	client    *http.Client
	failures  []sitecheck.Failure
	asked     map[string]bool
	digests   map[string]Digest
	remaining int64 // bytes that may still be read
}

func (p *prober) run(ctx context.Context, opts ProbeOptions) error {
	index, err := p.page(ctx, "/")
	if err != nil {
		return err
	}
	for _, path := range opts.Paths {
		if _, err := p.page(ctx, path); err != nil {
			return err
		}
	}
	for _, paths := range [][]string{opts.Assets, index.Assets} {
		for _, path := range paths {
			if err := p.asset(ctx, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// page asks for a page and judges it.
func (p *prober) page(ctx context.Context, path string) (sitecheck.PageFacts, error) {
	a, ok, err := p.get(ctx, path)
	if !ok {
		return sitecheck.PageFacts{}, err
	}
	if !strings.HasPrefix(a.contentType, "text/html") {
		p.fail(a.path, "answers with the type %q instead of HTML", a.contentType)
		return sitecheck.PageFacts{}, nil
	}
	if p.known(a) {
		return sitecheck.PageFacts{}, nil
	}
	facts := sitecheck.Inspect(sitecheck.File{Path: a.file(), Content: a.body})
	if !facts.Titled {
		p.fail(a.path, "answers with a page without a title")
	}
	return facts, nil
}

// asset asks for a file and judges it.
func (p *prober) asset(ctx context.Context, path string) error {
	a, ok, err := p.get(ctx, path)
	if !ok {
		return err
	}
	if want, known := sitepath.ContentType(a.file()); known && a.contentType != want {
		p.fail(a.path, "answers with the type %q instead of %q", a.contentType, want)
	}
	p.known(a)
	return nil
}

// known reports whether the file behind an answer is known, and compares them.
func (p *prober) known(a answer) bool {
	want, ok := p.digests[a.path]
	if ok && DigestOf(a.body) != want {
		p.fail(a.path, "answers with other bytes than the file has")
	}
	return ok
}

func (p *prober) fail(path, format string, args ...any) {
	p.failures = append(p.failures, sitecheck.Failure{
		Check: sitecheck.RuleResponse, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

// answer is what a preview answered, with status 200 and a body.
type answer struct {
	path        string
	contentType string
	body        []byte
}

// file returns the file that the answer's path means in the first place.
func (a answer) file() string {
	u, err := url.Parse(a.path)
	if err != nil {
		return sitepath.Index
	}
	candidates := sitepath.Candidates(u.EscapedPath())
	if len(candidates) == 0 {
		return sitepath.Index
	}
	return candidates[0].Name
}

// get asks for path once. It is not ok, even without an error, when there is
// nothing to judge: the failure is noted, or path was asked for before.
func (p *prober) get(ctx context.Context, path string) (a answer, ok bool, err error) {
	if p.asked[path] || len(p.asked) >= maxProbeRequests {
		return answer{}, false, nil
	}
	p.asked[path] = true
	target, err := url.Parse(path)
	if err != nil || target.IsAbs() || target.Host != "" || !strings.HasPrefix(path, "/") {
		p.fail(path, "is not a path of the site")
		return answer{}, false, nil //nolint:nilerr // noted as the site's failure
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.ResolveReference(target).String(), http.NoBody)
	if err != nil {
		return answer{}, false, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, false, unreachable(ctx, path, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, p.remaining+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return answer{}, false, unreachable(ctx, path, err)
	}
	p.remaining = max(0, p.remaining-int64(len(body)))
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return answer{}, false, fmt.Errorf("%w: %s answers %s", ErrUnreachable, path, response.Status)
	case response.StatusCode != http.StatusOK:
		p.fail(path, "answers %d instead of 200", response.StatusCode)
	case len(body) == 0:
		p.fail(path, "answers with nothing")
	case p.remaining == 0:
		p.fail(path, "answers with more than a site may have")
	default:
		return answer{path: path, contentType: response.Header.Get("Content-Type"), body: body}, true, nil
	}
	return answer{}, false, nil
}

// unreachable names the cause of the context's end, when that is what it was.
func unreachable(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, path, err)
}
