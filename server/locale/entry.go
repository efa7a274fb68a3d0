package locale

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/text/feature/plural"
)

// categories are the plural categories of CLDR by the names that catalogues
// use.
var categories = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two,
	"few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// otherForm is the category that every message with forms must have.
const otherForm = "other"

// entry is what a catalogue holds for a key.
type entry struct {
	// text is the whole message when it does not count, and else its form for
	// "other".
	text string
	// count is the placeholder that the message counts with; empty when it does
	// not count.
	count string
	// forms are the texts by category. Those that the language does not
	// distinguish are empty.
	forms [plural.Many + 1]string
}

// UnmarshalJSON reads a string, or an object such as
// {"count": {"one": "{count} file", "other": "{count} files"}}.
func (e *entry) UnmarshalJSON(raw []byte) error {
	*e = entry{}
	if len(raw) > 0 && raw[0] != '{' {
		if err := json.Unmarshal(raw, &e.text); err != nil {
			return fmt.Errorf("message: %w", err)
		}
		return nil
	}
	var counted map[string]map[string]string
	if err := json.Unmarshal(raw, &counted); err != nil {
		return fmt.Errorf("message with forms: %w", err)
	}
	if len(counted) != 1 {
		return errors.New("a message with forms names exactly one placeholder")
	}
	for count, forms := range counted {
		return e.setForms(count, forms)
	}
	return nil
}

func (e *entry) setForms(count string, forms map[string]string) error {
	for name, text := range forms {
		category, known := categories[name]
		if !known {
			return fmt.Errorf("%q is no plural category", name)
		}
		e.forms[category] = text
	}
	e.count, e.text = count, forms[otherForm]
	if e.text == "" {
		return fmt.Errorf("the forms by {%s} lack %q", count, otherForm)
	}
	return nil
}

// form returns the text for the count in args. Without one, or where the
// catalogue lacks the category, it is the text for "other".
func (e *entry) form(v *voice, args Args) string {
	if e.count == "" {
		return e.text
	}
	n, ok := integer(args[e.count])
	if !ok {
		return e.text
	}
	if text := e.forms[v.category(n)]; text != "" {
		return text
	}
	return e.text
}
