package headless

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

const (
	// maxMessage is the longest message about a failure, in bytes.
	maxMessage = 300
	// maxMessages is how many failures of a page are told.
	maxMessages = 20
)

// errCrashed says that the process of a page is gone.
var errCrashed = errors.New("the tab crashed")

// watcher notes what the browser tells of a tab. It is safe for concurrent use:
// the browser tells it while the visit looks.
type watcher struct {
	origin string
	// file is the page's path in the site.
	file string

	mu sync.Mutex
	// said are the messages; thrown are those of errors that a script can still
	// catch, as with a promise that is handled late.
	said   map[string]bool
	thrown map[int64]string
	// open are the requests without an answer, with what they ask for.
	open map[network.RequestID]string
	// frame is the page's own, beside those in it.
	frame   cdp.FrameID
	moved   int
	loaded  time.Time
	news    time.Time
	crashed bool
}

func newWatcher(site *url.URL, path string) *watcher {
	file, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		file = path
	}
	return &watcher{
		origin: site.Scheme + "://" + site.Host, file: file,
		said: map[string]bool{}, thrown: map[int64]string{}, open: map[network.RequestID]string{},
	}
}

// see takes an event.
func (w *watcher) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			w.frame = e.Frame.ID
			w.moved++
			w.loaded = time.Time{}
		}
	case *page.EventFrameStoppedLoading:
		// All that comes of a page that leads to a download while it loads.
		if e.FrameID == w.frame && w.loaded.IsZero() {
			w.loaded = time.Now()
		}
	case *page.EventLoadEventFired:
		w.loaded = time.Now()
	case *inspector.EventTargetCrashed:
		w.crashed = true
	case *runtime.EventExceptionThrown:
		if len(w.thrown) > 10*maxMessages {
			return
		}
		w.thrown[e.ExceptionDetails.ExceptionID] = "uncaught error: " + describe(e.ExceptionDetails)
	case *runtime.EventExceptionRevoked:
		delete(w.thrown, e.ExceptionID)
	case *log.EventEntryAdded:
		w.seeEntry(e.Entry)
	default:
		w.seeNetwork(event)
		return
	}
	w.news = time.Now()
}

// seeEntry takes a line of the console that the browser itself wrote. What it
// says of requests is told by their events.
func (w *watcher) seeEntry(e *log.Entry) {
	if e.Level != log.EntryLevelError {
		return
	}
	// A preview shows no dialogs; a page that asks for one goes on without it.
	if strings.HasPrefix(e.Text, "Ignored call to ") {
		return
	}
	if e.Source == log.EntrySourceSecurity || e.Source == log.EntrySourceJavascript {
		w.note("the browser reports: %s", firstLine(e.Text))
	}
}

func (w *watcher) seeNetwork(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.open[e.RequestID] = e.Request.URL
	case *network.EventLoadingFinished:
		delete(w.open, e.RequestID)
	case *network.EventResponseReceived:
		// Browsers ask for the icon by themselves.
		if e.Response.Status >= 400 && e.Response.URL != w.origin+"/favicon.ico" {
			w.note("asks for %s, which answers %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		asked := w.open[e.RequestID]
		delete(w.open, e.RequestID)
		switch {
		case e.BlockedReason != "":
			w.note("asks for %s, which is forbidden (%s)", asked, e.BlockedReason)
		case !e.Canceled && asked != w.origin+"/favicon.ico":
			w.note("asks for %s, which fails with %s", asked, e.ErrorText)
		}
	default:
		return
	}
	w.news = time.Now()
}

// describe returns an exception on one line, without the places in the script.
func describe(d *runtime.ExceptionDetails) string {
	text := d.Text
	if d.Exception != nil {
		switch {
		case d.Exception.Description != "":
			text = d.Exception.Description
		case len(d.Exception.Value) > 0:
			text = string(d.Exception.Value)
		}
	}
	return firstLine(text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// fail notes a failure.
func (w *watcher) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(format, args...)
}

// note is fail for who holds the lock. The site's host is another one each time.
func (w *watcher) note(format string, args ...any) {
	if len(w.said) < maxMessages {
		w.said[w.clean(fmt.Sprintf(format, args...))] = true
	}
}

func (w *watcher) clean(message string) string {
	message = strings.ReplaceAll(message, w.origin, "")
	if len(message) > maxMessage {
		message = message[:maxMessage] + "…"
	}
	return strings.ToValidUTF8(message, "\uFFFD")
}

// messages returns what went wrong, sorted.
func (w *watcher) messages() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := maps.Clone(w.said)
	for _, text := range w.thrown {
		said[w.clean(text)] = true
	}
	all := slices.Sorted(maps.Keys(said))
	return all[:min(len(all), maxMessages)]
}

// moves is how often the page has sent the visitor on.
func (w *watcher) moves() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved - 1
}

// calm says whether the page has loaded and nothing more is to be expected.
func (w *watcher) calm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loaded.IsZero() {
		return false
	}
	return len(w.open) == 0 && time.Since(w.news) >= quiet || time.Since(w.loaded) >= settleLimit
}

// broken returns errCrashed if the tab's process is gone.
func (w *watcher) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crashed {
		return errCrashed
	}
	return nil
}
