package headless

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

const (
	// MaxPages is how many pages of a site are opened.
	MaxPages = 8
	// openLimit bounds the whole visit. Pages that it leaves no time for are not
	// opened.
	openLimit = 20 * time.Second
	// startLimit bounds the start of the process, which a busy machine delays.
	startLimit = 20 * time.Second
	// wholeLimit bounds all of it, whatever the browser does not answer: the start,
	// the visit, and the questions to the last page.
	wholeLimit = startLimit + openLimit + 3*answerLimit
)

// errHung is the cause when a browser takes longer than it may.
var errHung = errors.New("the browser hangs")

// ErrBrowser says that the browser did not start, broke down or does not answer.
// It tells nothing of the site.
var ErrBrowser = errors.New("browser")

// Find returns the Chromium to use: the program at path, or, if that is empty,
// the first one on the PATH. The error is [ErrBrowser].
func Find(path string) (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome", "headless-shell", "headless_shell"}
	if path != "" {
		names = []string{path}
	}
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%w: none of %s can be run", ErrBrowser, strings.Join(names, ", "))
}

// Browser opens sites in a Chromium, one after the other. It is safe for
// concurrent use.
type Browser struct {
	path string
	// turn holds a token while a process runs: each takes a processor and a few
	// hundred megabytes.
	turn  chan struct{}
	limit time.Duration
}

// New returns a Browser that runs the program at path, see [Find].
func New(path string) *Browser {
	return &Browser{path: path, turn: make(chan struct{}, 1), limit: wholeLimit}
}

// Open waits for its turn and opens the first [MaxPages] of pages, which are
// rooted paths, at a site. base is the address of the site's index, such as
// "http://x.localhost:8081/", and address the host:port where its host is
// served. The failures are the site's. The error is [ErrBrowser], or the cause of
// the end of ctx.
func (b *Browser) Open(ctx context.Context, base, address string, pages []string) ([]sitecheck.Failure, error) {
	site, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("%w: address of the site: %w", ErrBrowser, err)
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	home, err := os.MkdirTemp("", "sheen-browser-")
	if err != nil {
		return nil, fmt.Errorf("%w: folder: %w", ErrBrowser, err)
	}
	failures, err := b.run(ctx, site, address, home, pages[:min(len(pages), MaxPages)])
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if cleanErr := os.RemoveAll(home); err == nil && cleanErr != nil {
		err = fmt.Errorf("%w: remove its folder: %w", ErrBrowser, cleanErr)
	}
	return failures, err
}

// run starts the process, opens the pages and ends it.
func (b *Browser) run(ctx context.Context, site *url.URL, address, home string, pages []string) ([]sitecheck.Failure, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.limit, errHung)
	defer cancel()
	allocated, end := chromedp.NewExecAllocator(ctx, b.options(site, address, home)...)
	defer end() // It kills the process and waits until all of its children are gone.
	// What the client has to say comes back as an error as well.
	silent := func(string, ...any) {}
	root, stop := chromedp.NewContext(allocated, chromedp.WithLogf(silent), chromedp.WithErrorf(silent))
	defer stop()
	if err := start(root, stop); err != nil {
		return nil, err
	}
	var failures []sitecheck.Failure
	over := time.Now().Add(openLimit)
	for i, page := range pages {
		if i > 0 && time.Now().After(over) {
			break
		}
		v := newVisit(site, page)
		err := v.open(root, over)
		failures = append(failures, v.failures()...)
		if errors.Is(err, errStuck) {
			break
		}
		if errors.Is(err, errSlow) && i > 0 {
			continue // It says nothing of those behind it.
		}
		if err != nil {
			return failures, fmt.Errorf("%w: %s: %w", ErrBrowser, page, err)
		}
	}
	return failures, nil
}

// start starts the process. The context of the call is the process's, so the
// limit is a timer beside it.
func start(root context.Context, stop context.CancelFunc) error {
	timer := time.AfterFunc(startLimit, stop)
	defer timer.Stop()
	if err := chromedp.Do(root); err != nil {
		return fmt.Errorf("%w: start: %w", ErrBrowser, err)
	}
	return nil
}

// options are the program and its flags. The sandbox stays on where the system
// lets it: not for root, for whom chromedp switches it off.
func (b *Browser) options(site *url.URL, address, home string) []chromedp.ExecAllocatorOption {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, site.Port()
	}
	rules := fmt.Sprintf("MAP %s %s, MAP * ~NOTFOUND", site.Hostname(), net.JoinHostPort(host, port))
	opts := chromedp.DefaultExecAllocatorOptions[:]
	return append(slices.Clip(opts),
		chromedp.ExecPath(b.path),
		chromedp.NoInheritEnv,
		chromedp.Env("PATH="+os.Getenv("PATH"), "HOME="+home, "LANG=C.UTF-8"),
		chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", rules),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		// Its peers are found without a name.
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"),
	)
}
