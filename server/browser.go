package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/headless"
)

// Headless says which sites the tests open in a browser.
type Headless string

const (
	// HeadlessAuto opens what a model wrote, where a Chromium is installed. The
	// offline engine's sites are made of templates that are tested with a browser
	// before they are released, and come by the dozen each second. It does not
	// depend on how busy a node is: a site waits for its turn.
	HeadlessAuto Headless = "auto"
	// HeadlessAlways opens every site, and does not start without a Chromium.
	HeadlessAlways Headless = "always"
	// HeadlessOff opens none.
	HeadlessOff Headless = "off"
)

func browserSettings() []setting {
	return []setting{
		{
			name: "headless", standard: string(HeadlessAuto), parse: parseHeadless,
			meaning: "sites that are opened in a browser before they are complete: auto (what a model wrote, where a Chromium is installed), always or off",
		},
		{
			name: "chromium", shown: "the first Chromium on the `PATH`", parse: text(func(c *Config) *string { return &c.Chromium }),
			meaning: "program that opens them",
		},
	}
}

func parseHeadless(cfg *Config, raw string) error {
	switch mode := Headless(raw); mode {
	case HeadlessAuto, HeadlessAlways, HeadlessOff:
		cfg.Headless = mode
		return nil
	}
	return errors.New("must be auto, always or off")
}

// browse returns what opens sites in a browser; nil if nothing does.
func (c *Config) browse() (preview.Browse, error) {
	wanted := c.Headless == HeadlessAlways || c.Headless == HeadlessAuto && c.Engine != EngineOffline
	if !wanted {
		return nil, nil //nolint:nilnil // nil is a way to visit
	}
	path, err := headless.Find(c.Chromium)
	if err == nil {
		return headless.New(path).Open, nil
	}
	if c.Headless == HeadlessAlways || c.Chromium != "" {
		return nil, fmt.Errorf("no Chromium can be started: install one, set SHEEN_CHROMIUM, or set SHEEN_HEADLESS=off: %w", err)
	}
	return nil, nil //nolint:nilnil // as above
}

// newVisit makes what visits sites before they become versions.
func (s *Server) newVisit(ctx context.Context, blobs *preview.Blobs) (build.Visit, error) {
	browse, err := s.cfg.browse()
	if err != nil {
		return nil, err
	}
	if browse == nil && s.cfg.Engine != EngineOffline && s.cfg.Headless != HeadlessOff {
		s.log.WarnContext(ctx, "no Chromium is installed: sites are tested without opening them in a browser")
	}
	visitor, err := preview.NewVisitor(ctx, preview.VisitorOptions{Blobs: blobs, Browse: browse, Logger: s.log})
	if err != nil {
		return nil, fmt.Errorf("set up the tests of sites: %w", err)
	}
	s.undo.push(func(context.Context) error { return visitor.Close() })
	return visitor.Visit, nil
}
