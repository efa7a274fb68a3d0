package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheenapps/sheen/server/engine"
)

// manifestFile holds the brief of a site, so that an update of it can begin
// where it ended.
const manifestFile = "site.json"

// manifestOf reads the brief of an earlier version.
func manifestOf(base []engine.File) (brief, bool) {
	manifest := find(base, manifestFile)
	if manifest == nil {
		return brief{}, false
	}
	var b brief
	if err := json.Unmarshal(manifest.Content, &b); err != nil {
		return brief{}, false
	}
	if _, err := newSite(b); err != nil {
		return brief{}, false
	}
	return b, true
}

func (s *site) manifest() ([]byte, error) {
	raw, err := json.MarshalIndent(s.brief, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(raw, '\n'), nil
}

// change is what an update does to a site.
type change struct {
	// before and after are the site's briefs.
	before, after brief
	// added are new kinds, of which more were part of the business's sites
	// already; has were added by an earlier update.
	added, more, has []string
	// removed were added by an earlier update, absent were not.
	removed, absent []string
	// guest says that the site is not one of this engine's.
	guest bool
}

// changeOf works out what the request wants of its base.
func changeOf(req engine.Request) change {
	w := wishOf(req.Prompt, req.Locale)
	before, ours := manifestOf(req.Base)
	c := change{guest: !ours}
	if !ours {
		before = guestBrief(req.Base, req.Locale)
	}
	c.before, c.after = before, before
	own := featuresOf(brief{Business: before.Business})
	for _, kind := range w.add {
		switch {
		case before.has(kind) || !ours && guestHas(req.Base, kind):
			c.has = append(c.has, kind)
		default:
			c.added = append(c.added, kind)
			if ours && slices.Contains(own, kind) && len(additions[kind]) > 1 {
				c.more = append(c.more, kind)
			}
		}
	}
	for _, kind := range w.remove {
		if before.has(kind) {
			c.removed = append(c.removed, kind)
		} else {
			c.absent = append(c.absent, kind)
		}
	}
	c.after.Extras = slices.DeleteFunc(ordered(slices.Concat(before.Extras, c.added)), func(kind string) bool {
		return slices.Contains(c.removed, kind)
	})
	if !ours {
		return c
	}
	if w.brand != "" {
		c.after.Brand = w.brand
	}
	if w.color != "" {
		c.after.Color = w.color
	}
	c.after.Dark = before.Dark || w.darker
	return c
}

// isUpdate says whether a request changes a site; an update without one makes it.
func isUpdate(req engine.Request) bool {
	return req.Operation == engine.Update && find(req.Base, homeFile) != nil
}

// updated returns the files that a change writes, in a fixed order, and those
// that it drops.
func (c change) updated(base []engine.File) (files []engine.File, dropped []string, err error) {
	if c.guest {
		files, err = c.intoGuest(base)
		return files, nil, err
	}
	earlier, err := renderOf(c.before)
	if err != nil {
		return nil, nil, err
	}
	later, err := renderOf(c.after)
	if err != nil {
		return nil, nil, err
	}
	for _, file := range later {
		if content := mergeFile(find(base, file.Path), find(earlier, file.Path), file); content != nil {
			files = append(files, engine.File{Path: file.Path, Content: content})
		}
	}
	for _, file := range earlier {
		if find(later, file.Path) == nil && find(base, file.Path) != nil {
			dropped = append(dropped, file.Path)
		}
	}
	return files, dropped, nil
}

func renderOf(b brief) ([]engine.File, error) {
	s, err := newSite(b)
	if err != nil {
		return nil, err
	}
	return s.render()
}

// mergeFile returns the new content of a file, nil where it stays as it is. A file
// that a person has removed or made stays theirs.
func mergeFile(kept, earlier *engine.File, later engine.File) []byte {
	switch {
	case earlier == nil && kept == nil:
		return later.Content
	case earlier == nil || kept == nil || bytes.Equal(earlier.Content, later.Content):
		return nil
	case later.Path == manifestFile:
		return later.Content
	}
	merged := merge(kept.Content, earlier.Content, later.Content)
	if bytes.Equal(merged, kept.Content) {
		return nil
	}
	return merged
}

// planUpdate announces the files of a change, and returns what to say about it.
func planUpdate(req engine.Request) (*engine.Plan, string, error) {
	c := changeOf(req)
	s, err := newSite(c.after)
	if err != nil {
		return nil, "", err
	}
	plan, err := s.plan()
	if err != nil {
		return nil, "", err
	}
	if plan.Private, err = json.Marshal(c.after); err != nil {
		return nil, "", fmt.Errorf("plan of an update: %w", err)
	}
	files, dropped, err := c.updated(req.Base)
	if err != nil {
		return nil, "", err
	}
	if err := s.editions[0].words.complete(dialectOf(c.after, s.editions[0].lang), strings.NewReplacer()); err != nil {
		return nil, "", err
	}
	if c.guest {
		plan.Features = guestFeatures(req.Base, c.added)
	}
	purposes := plan.Files
	plan.Files, plan.Dropped = []engine.PlannedFile{}, dropped
	for _, file := range files {
		plan.Files = append(plan.Files, engine.PlannedFile{Path: file.Path, Purpose: s.purposeOf(file.Path, purposes)})
	}
	return plan, c.say(s, len(files)+len(dropped)), nil
}

func (s *site) purposeOf(name string, planned []engine.PlannedFile) string {
	for _, file := range planned {
		if file.Path == name {
			return file.Purpose
		}
	}
	return s.editions[0].words.Words["purpose.added"]
}

// updateOf repeats what planUpdate has planned: the prompt is read again, and the
// base is the same.
func updateOf(req engine.Request, plan *engine.Plan) ([]engine.File, error) {
	c := changeOf(req)
	if err := json.Unmarshal(plan.Private, &c.after); err != nil {
		return nil, fmt.Errorf("plan of another engine: %w", err)
	}
	files, _, err := c.updated(req.Base)
	return files, err
}

// say explains a change.
func (c change) say(s *site, count int) string {
	e := s.editions[0]
	lines := e.words.Narrative
	fill := strings.NewReplacer(
		"{name}", c.after.Brand, "{old}", c.before.Brand, "{count}", strconv.Itoa(count), "{address}", s.address(),
		"{added}", e.join(e.kindNames(c.added)), "{more}", e.join(e.kindNames(c.more)), "{has}", e.join(e.kindNames(c.has)),
		"{removed}", e.join(e.kindNames(c.removed)), "{absent}", e.join(e.kindNames(c.absent)),
		"{color}", lines["color."+c.after.Color],
	)
	var paragraphs []string
	for _, part := range []struct {
		key string
		say bool
	}{
		{"update", len(c.added) > 0},
		{"foreign", c.guest && len(c.added) > 0},
		{"more", len(c.more) > 0},
		{"has", len(c.has) > 0},
		{"removed", len(c.removed) > 0},
		{"absent", len(c.absent) > 0},
		{"renamed", c.after.Brand != c.before.Brand},
		{"recolored", c.after.Color != c.before.Color},
		{"darker", c.after.Dark != c.before.Dark},
		{"robots", slices.Contains(c.added, "seo")},
		{"unclear", c.isEmpty()},
		{"nothing", count == 0},
		{"changed", count > 0},
	} {
		if part.say {
			paragraphs = append(paragraphs, fill.Replace(lines[part.key]))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// isEmpty says that nothing was understood of what was asked for.
func (c change) isEmpty() bool {
	return len(c.added)+len(c.has)+len(c.removed)+len(c.absent) == 0 &&
		c.after.Brand == c.before.Brand && c.after.Color == c.before.Color && c.after.Dark == c.before.Dark
}

func find(files []engine.File, name string) *engine.File {
	for i := range files {
		if files[i].Path == name {
			return &files[i]
		}
	}
	return nil
}
