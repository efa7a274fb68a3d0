package offline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// narrative is what the engine says while it plans: what it understood, which
// pages and sections there will be and why, colors, languages, extras.
func narrative(s *site) string {
	e := s.editions[0]
	lines := e.words.Narrative
	fill := strings.NewReplacer(
		"{name}", s.brief.Brand,
		"{kind}", lowerFirst(e.text.Kind, e.lang),
		"{where}", inPlace(s.place, e.lang),
		"{pages}", e.join(e.pageNames()),
		"{sections}", e.join(e.sectionNames()),
		"{theme}", e.words.Words["theme."+s.colors.name],
		"{count}", strconv.Itoa(len(s.files())),
		"{services}", e.join(e.serviceNames()),
		"{language}", e.words.Words["language."+s.brief.Second],
	)
	keys := []string{"open", "structure", "sections"}
	if len(s.brief.Services) > 0 {
		keys = append(keys, "services")
	}
	keys = append(keys, "design")
	if s.brief.Second != "" {
		keys = append(keys, "second")
	}
	keys = append(keys, "close")
	var paragraphs []string
	for _, key := range keys {
		text := fill.Replace(lines[key])
		if key == "design" {
			text = e.text.Design + " " + text
		}
		paragraphs = append(paragraphs, text)
	}
	return strings.Join(paragraphs, "\n\n")
}

func (e *edition) pageNames() []string {
	var names []string
	for _, spec := range e.site.pages {
		if spec.each != "" || spec.file == thanksFile || spec.file == "404.html" {
			continue
		}
		p := &page{edition: e, spec: spec, file: spec.file}
		names = append(names, p.Copy().Nav)
	}
	return names
}

// sectionNames are the titles of the first page's sections.
func (e *edition) sectionNames() []string {
	var names []string
	for name := range strings.FieldsSeq(e.site.pages[0].sections) {
		if label := e.words.Words["section."+name]; label != "" {
			names = append(names, label)
		}
	}
	return names
}

func (e *edition) kindNames(kinds []string) []string {
	var names []string
	for _, kind := range kinds {
		names = append(names, e.words.Words["kind."+kind])
	}
	return names
}

func (e *edition) serviceNames() []string {
	var names []string
	for _, s := range e.brief.Services {
		name := s.Name
		if e.brief.Language != "de" {
			name = strings.ToLower(name)
		}
		names = append(names, name)
	}
	return names
}

// join lists names with the language's comma and "and".
func (e *edition) join(names []string) string {
	if len(names) == 0 {
		return ""
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	and := e.words.Words["and"]
	if e.lang == "es" && sharpI.MatchString(names[last]) {
		and = " e "
	}
	return strings.Join(names[:last], e.words.Words["comma"]) + and + names[last]
}

// sharpI finds the words before which a Spanish "y" is an "e".
var sharpI = regexp.MustCompile(`^(?i:h?[ií])([^aeo]|$)`)

// lowerFirst is a name inside a sentence. An abbreviation stays as it is, and so
// does a German noun.
func lowerFirst(s, language string) string {
	first, size := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[size:]); size == 0 || language == "ar" || language == "de" || unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(first)) + s[size:]
}
