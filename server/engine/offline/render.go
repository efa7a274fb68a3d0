package offline

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	"sync"

	"github.com/sheenapps/sheen/server/engine"
)

//go:embed templates
var templateFiles embed.FS

// Paths of the files that the pages share.
const (
	cssFile  = "assets/site.css"
	jsFile   = "assets/site.js"
	iconFile = "assets/icon.svg"
)

var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("site").ParseFS(templateFiles, "templates/*/*.html")
})

// render makes all files of the site, in the order of files.
func (s *site) render() ([]engine.File, error) {
	css, err := s.stylesheet()
	if err != nil {
		return nil, err
	}
	js, err := templateFiles.ReadFile("templates/js/site.js")
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	manifest, err := s.manifest()
	if err != nil {
		return nil, err
	}
	out := []engine.File{
		{Path: cssFile, Content: css},
		{Path: jsFile, Content: js},
		{Path: iconFile, Content: []byte(s.favicon())},
	}
	for _, extra := range s.extras() {
		content, err := extra.content()
		if err != nil {
			return nil, err
		}
		out = append(out, engine.File{Path: extra.path, Content: content})
	}
	for _, e := range s.editions {
		for _, p := range e.allPages() {
			content, err := p.render()
			if err != nil {
				return nil, err
			}
			out = append(out, engine.File{Path: p.path(), Content: content})
		}
	}
	return append(out, engine.File{Path: manifestFile, Content: manifest}), nil
}

// stylesheet joins the palette, the common style and the business's own.
func (s *site) stylesheet() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, ":root{%s}\n", s.colors.properties())
	for _, name := range []string{"base", "parts", "sections", s.brief.Business} {
		part, err := templateFiles.ReadFile("templates/css/" + name + ".css")
		if err != nil {
			return nil, fmt.Errorf("stylesheet: %w", err)
		}
		b.Write(part)
	}
	for _, kind := range s.brief.Extras {
		if kind == "darkMode" {
			s.colors.writeSchemes(&b)
		}
		part, err := templateFiles.ReadFile("templates/kinds/" + kind + ".css")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("stylesheet: %w", err)
		}
		b.Write(part)
	}
	return b.Bytes(), nil
}

// render executes the page's sections and puts them into the layout.
func (p *page) render() ([]byte, error) {
	t, err := templates()
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	var body, out bytes.Buffer
	for i, name := range strings.Fields(p.spec.sections) {
		s := section{page: p, Name: name, Head: p.HeadOf(name), Items: p.List(name), Index: i}
		if err := t.ExecuteTemplate(&body, p.templateOf(name), s); err != nil {
			return nil, fmt.Errorf("page %s: %w", p.path(), err)
		}
	}
	p.Body = template.HTML(body.String()) //nolint:gosec // what the templates escaped
	if err := t.ExecuteTemplate(&out, "layout", p); err != nil {
		return nil, fmt.Errorf("page %s: %w", p.path(), err)
	}
	return squeeze(out.Bytes()), nil
}

// templateOf names a section's template: every business has its own hero.
func (p *page) templateOf(section string) string {
	if section == "hero" {
		return "hero-" + p.brief.Business
	}
	return section
}

// squeeze drops indentation and empty lines, which no reader sees.
func squeeze(page []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(page))
	for line := range bytes.Lines(page) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 {
			b.Write(line)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}
