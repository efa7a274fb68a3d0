package recommend_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// good is a draft that is kept.
func good(kind rules.Kind, title string) recommend.Draft {
	category := kind.Category()
	if kind == "" {
		category = rules.CategoryFeature
	}
	return recommend.Draft{Kind: kind, Category: category, Title: title, Description: "It helps.", Prompt: "Add it."}
}

func with(change func(*recommend.Draft)) recommend.Draft {
	d := good(rules.FAQ, "Answer questions")
	change(&d)
	return d
}

func titles(drafts []recommend.Draft) []string {
	var all []string
	for _, d := range drafts {
		all = append(all, d.Title)
	}
	return all
}

// Each of these is left out, and what stands beside it stays.
func TestDraftsThatAreLeftOut(t *testing.T) {
	t.Parallel()
	type draft = recommend.Draft
	for name, d := range map[string]draft{
		"no title":                 with(func(d *draft) { d.Title = "" }),
		"only spaces":              with(func(d *draft) { d.Title = " \n " }),
		"only signs":               with(func(d *draft) { d.Title = "?!" }),
		"no description":           with(func(d *draft) { d.Description = "" }),
		"no prompt":                with(func(d *draft) { d.Prompt = "" }),
		"no category":              with(func(d *draft) { d.Category = "" }),
		"unknown category":         with(func(d *draft) { d.Kind, d.Category = "", "growth" }),
		"another category":         with(func(d *draft) { d.Category = rules.CategoryUI }),
		"unknown kind":             with(func(d *draft) { d.Kind = "chatbot" }),
		"kind without a category":  with(func(d *draft) { d.Kind, d.Category = "chatbot", "" }),
		"title too long":           with(func(d *draft) { d.Title = strings.Repeat("a", 121) }),
		"title too long in runes":  with(func(d *draft) { d.Title = strings.Repeat("é", 121) }),
		"description too long":     with(func(d *draft) { d.Description = strings.Repeat("a", 501) }),
		"prompt too long":          with(func(d *draft) { d.Prompt = strings.Repeat("a", 4001) }),
		"NUL in the title":         with(func(d *draft) { d.Title = "a\x00b" }),
		"line in the title":        with(func(d *draft) { d.Title = "a\nb" }),
		"line in the description":  with(func(d *draft) { d.Description = "a\nb" }),
		"escape in the prompt":     with(func(d *draft) { d.Prompt = "a\x1b[31mb" }),
		"NUL in the prompt":        with(func(d *draft) { d.Prompt = "a\x00b" }),
		"invalid UTF-8":            with(func(d *draft) { d.Description = "a\xff" }),
		"replacement characters":   with(func(d *draft) { d.Title = "caf\ufffd" }),
		"the same title":           with(func(d *draft) { d.Kind, d.Category, d.Title = "", rules.CategoryUI, "SEND  néws!" }),
		"the same kind":            with(func(d *draft) { d.Kind, d.Title = rules.Newsletter, "Another" }),
		"what exists":              good(rules.Booking, "Take bookings"),
		"what exists, by its name": good("", "Online booking"),
	} {
		got, err := recommend.Check([]draft{good(rules.Newsletter, "Send news"), d, good(rules.Team, "Your team")}, []rules.Kind{rules.Booking})
		if err != nil || !slices.Equal(titles(got), []string{"Send news", "Your team"}) {
			t.Errorf("%s: %q, %v", name, titles(got), err)
		}
	}
}

func TestDraftsThatAreKept(t *testing.T) {
	t.Parallel()
	type draft = recommend.Draft
	for name, d := range map[string]draft{
		"of a kind":               good(rules.Gallery, "Show pictures"),
		"of no kind":              good("", "A map of your shops"),
		"of no kind, partly new":  good("", "A booking button in the newsletter"),
		"in lines":                with(func(d *draft) { d.Prompt = "One.\nTwo." }),
		"the longest title":       with(func(d *draft) { d.Title = strings.Repeat("é", 120) }),
		"the longest description": with(func(d *draft) { d.Description = strings.Repeat("ع", 500) }),
		"the longest prompt":      with(func(d *draft) { d.Prompt = strings.Repeat("𝒜", 4000) }),
	} {
		got, err := recommend.Check([]draft{d}, []rules.Kind{rules.Booking})
		if err != nil || !slices.Equal(got, []draft{d}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := recommend.Check([]draft{with(func(d *draft) { d.Title, d.Prompt = " Ask\t", "\nAdd it. " })}, nil)
	if err != nil || got[0].Title != "Ask" || got[0].Prompt != "Add it." {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNothingLeftIsMalformed(t *testing.T) {
	t.Parallel()
	if got, err := recommend.Check(nil, nil); !errors.Is(err, recommend.ErrNothing) || got != nil {
		t.Errorf("nothing: %+v, %v", got, err)
	}
	for name, drafts := range map[string][]recommend.Draft{
		"nothing valid": {{}, {Title: "a"}}, "all exists": {good(rules.Booking, "Take bookings")},
	} {
		if got, err := recommend.Check(drafts, []rules.Kind{rules.Booking}); !errors.Is(err, recommend.ErrMalformed) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAListHasSixEntriesAtMost(t *testing.T) {
	t.Parallel()
	var all []recommend.Draft
	for _, kind := range rules.Kinds() {
		all = append(all, good(kind, string(kind)))
	}
	got, err := recommend.Check(all, []rules.Kind{all[0].Kind})
	if err != nil || !slices.Equal(got, all[1:7]) {
		t.Errorf("%q, %v", titles(got), err)
	}
	// The first 32 are looked at.
	if _, err := recommend.Check(append(make([]recommend.Draft, 32), all[0]), nil); !errors.Is(err, recommend.ErrMalformed) {
		t.Error(err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("faq", "feature", "Answer questions", "It helps.", "Add it.")
	f.Add("", "ui", "a\x00", "\xff", "\n")
	f.Fuzz(func(t *testing.T, kind, category, title, description, prompt string) {
		d := recommend.Draft{
			Kind: rules.Kind(kind), Category: rules.Category(category), Title: title, Description: description, Prompt: prompt,
		}
		kept, err := recommend.Check([]recommend.Draft{d, d}, nil)
		if (err == nil) != (len(kept) == 1) {
			t.Fatalf("%+v, %v", kept, err)
		}
		for _, k := range kept {
			if k.Title == "" || k.Description == "" || len(k.Prompt) > 16384 || strings.ContainsRune(k.Title+k.Description+k.Prompt, 0) {
				t.Errorf("%+v is kept", k)
			}
		}
	})
}
