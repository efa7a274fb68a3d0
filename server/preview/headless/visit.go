package headless

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
)

const (
	// pageLimit bounds the loading of a page. Its files come from this machine,
	// so that only a script can take that long.
	pageLimit = 10 * time.Second
	// quiet is how long a page has to be without news until it has settled, and
	// settleLimit when it is taken as it is: some ask for something for ever.
	quiet       = 300 * time.Millisecond
	settleLimit = 2500 * time.Millisecond
	// answerLimit is when something that is asked hangs.
	answerLimit = 2 * time.Second
	// lookEvery is how often a page is looked at while it loads.
	lookEvery = 25 * time.Millisecond
	// maxMoves is how often a page may send the visitor on.
	maxMoves = 5
)

var (
	// errStuck says that a page keeps the browser busy, and the next one would
	// wait for it.
	errStuck = errors.New("the page runs on and on")
	// errSlow says that a page did not load in its time although none of its
	// scripts is busy.
	errSlow = errors.New("the page loads too slowly")
)

// visit is the opening of one page.
type visit struct {
	*watcher
	address string
}

func newVisit(site *url.URL, path string) *visit {
	return &visit{watcher: newWatcher(site, path), address: site.Scheme + "://" + site.Host + path}
}

// open opens the page in a tab of its own and waits until it has settled, or
// until the time of the whole visit is over. What goes wrong is noted; the error
// says why nothing more can be opened.
func (v *visit) open(root context.Context, over time.Time) error {
	tab, closeTab := chromedp.NewContext(root, chromedp.WithListener(v.see))
	defer closeTab()
	if err := chromedp.Do(tab); err != nil {
		return fmt.Errorf("open a tab: %w", err)
	}
	limited, cancel := context.WithTimeout(tab, pageLimit)
	defer cancel()
	result, err := chromedp.Call(limited, page.Navigate, page.NavigateParams{URL: v.address})
	if err != nil {
		return fmt.Errorf("open the page: %w", err)
	}
	if result.ErrorText != "" {
		v.fail("the page cannot be opened: %s", result.ErrorText)
		return nil
	}
	settled, err := v.settle(limited, over)
	switch {
	case err != nil || v.moves() > maxMoves:
		return err
	case !settled:
		return v.stuck(tab, root)
	}
	return v.look(tab)
}

// settle waits until the page has loaded and nothing more happens, or until it
// has had enough time, or sends the visitor on too often.
func (v *visit) settle(limited context.Context, over time.Time) (settled bool, err error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for time.Now().Before(over) {
		select {
		case <-limited.Done():
			return false, nil
		case <-ticker.C:
		}
		if err := v.broken(); err != nil {
			return false, err
		}
		if v.moves() > maxMoves {
			v.fail("the page sends the visitor on and on")
			return true, nil
		}
		if v.calm() {
			return true, nil
		}
	}
	return false, nil
}

// stuck finds out why a page does not settle: whether it is busy, or everything
// slow.
func (v *visit) stuck(tab, root context.Context) error {
	if root.Err() != nil {
		return context.Cause(root)
	}
	limited, cancel := context.WithTimeout(tab, answerLimit)
	defer cancel()
	if _, err := chromedp.Run(limited, chromedp.Evaluate[int]("1")); err == nil {
		return errSlow
	}
	alive, stop := context.WithTimeout(root, answerLimit)
	defer stop()
	if _, err := chromedp.CallBrowser(alive, browser.GetVersion, cdp.Empty{}); err != nil {
		return fmt.Errorf("ask whether the browser is there: %w", err)
	}
	v.fail("the page does not finish loading: a script runs on and on")
	return errStuck
}

// visibleText is the beginning of the text that a visitor sees.
const visibleText = `(() => {
	const body = document.body;
	if (!body || !body.checkVisibility({opacityProperty: true, visibilityProperty: true})) return "";
	return body.innerText.trim().slice(0, 100);
})()`

// look judges what the page shows. A page that moves on just then is asked once
// more.
func (v *visit) look(tab context.Context) error {
	limited, cancel := context.WithTimeout(tab, answerLimit)
	defer cancel()
	text, err := chromedp.Run(limited, chromedp.Evaluate[string](visibleText))
	if err != nil && limited.Err() == nil {
		text, err = chromedp.Run(limited, chromedp.Evaluate[string](visibleText))
	}
	if err != nil {
		return fmt.Errorf("read what the page shows: %w", err)
	}
	if text == "" {
		v.fail("the page shows no text")
	}
	return nil
}

// failures returns what went wrong, without repetitions.
func (v *visit) failures() []sitecheck.Failure {
	var failures []sitecheck.Failure
	for _, message := range v.messages() {
		failures = append(failures, sitecheck.Failure{Check: sitecheck.RuleBrowser, Path: v.file, Message: message})
	}
	return failures
}
