package rules

import (
	"slices"
	"strings"
	"testing"
)

// mentioned returns the kinds that terms speak of.
func mentioned(terms []string) []Kind { return meanings.readAll(new(reader), terms) }

func TestMentioned(t *testing.T) {
	t.Parallel()
	tests := map[string][]Kind{
		"contact details":              {Contact},
		"phone":                        {Contact},
		"phone and address":            {Contact},
		"E-Mail":                       {Contact},
		"Please add our phone number!": {Contact},
		"téléphone":                    {Contact},
		"te\u0301le\u0301phone":        {Contact},
		"Coordonnées":                  {Contact},
		"Teléfono":                     {Contact},
		"Öffnungszeiten":               {Contact},
		"تواصل":                        {Contact},
		"التَّواصُل":                   {Contact},
		"للتواصل":                      {Contact},
		"تـــواصل":                     {Contact},
		"الأسعار والمدونة":             {Pricing, Blog},
		"معلومات الاتصال":              {Contact},
		"وسائل التواصل الاجتماعي": {Social},
		"الأسعار":              {Pricing},
		"اسعار":                {Pricing},
		"مدونه":                {Blog},
		"prix":                 {Pricing},
		"Preisliste":           {Pricing},
		"prise de rendez-vous": {Booking},
		"حجز المواعيد":         {Booking},
		"carte bancaire":       {Payment},
		"carte":                {Services},
		"booking services":     {Booking},
		"about cats":           nil,
		"about":                {About},
		"Ueber uns":            {About},
		"Über uns":             {About},
		"darkMode":             {DarkMode},
		"dark-mode":            {DarkMode},
		"before and after":     {Gallery},
		"pricing, faq; team":   {Pricing, FAQ, Team},
		"الأسعار، الفريق":      {Pricing, Team},
		"constructor":          nil,
		"__proto__":            nil,
		"contactless":          nil,
		"phone repair":         nil,
		"\xff\xfe":             nil,
		"":                     nil,
	}
	for term, want := range tests {
		if got := mentioned([]string{term}); !slices.Equal(got, want) {
			t.Errorf("mentioned(%q) = %v, want %v", term, got, want)
		}
	}
}

// An alias that meant two kinds would mean one of them by chance.
func TestAliasesAgree(t *testing.T) {
	t.Parallel()
	seen := make(map[string]Kind)
	for _, table := range languages {
		for kind, aliases := range table {
			for _, alias := range aliases {
				form := normal(alias)
				if other, known := seen[form]; known && other != kind {
					t.Errorf("%q means %s and %s", alias, other, kind)
				}
				seen[form] = kind
				if n := len(strings.Fields(form)); n == 0 || n > 4 {
					t.Errorf("%q has %d words", alias, n)
				}
			}
		}
	}
	for _, kind := range kinds {
		if other, known := seen[normal(string(kind))]; known && other != kind {
			t.Errorf("%s is an alias of %s", kind, other)
		}
	}
}

func TestEveryLanguageNamesEveryKind(t *testing.T) {
	t.Parallel()
	for i, table := range languages {
		if len(table) != len(kinds) {
			t.Errorf("table %d names %d kinds, want %d", i, len(table), len(kinds))
		}
		for kind, aliases := range table {
			if kind.Category() == "" {
				t.Errorf("table %d names %q", i, kind)
			}
			if got := mentioned(aliases); !slices.Equal(got, []Kind{kind}) {
				t.Errorf("the aliases of %s mean %v", kind, got)
			}
		}
	}
}

func TestVagueAliasesExist(t *testing.T) {
	t.Parallel()
	for alias := range vague {
		if len(mentioned([]string{alias})) != 1 {
			t.Errorf("%q is no alias", alias)
		}
	}
}

func TestOnlySoMuchIsRead(t *testing.T) {
	t.Parallel()
	many := append(slices.Repeat([]string{"-"}, maxTerms), "pricing")
	if got := mentioned(many); got != nil {
		t.Errorf("entry %d was read: %v", maxTerms+1, got)
	}
	if got := mentioned(many[1:]); !slices.Equal(got, []Kind{Pricing}) {
		t.Errorf("entry %d was not read: %v", maxTerms, got)
	}
	long := slices.Repeat([]string{strings.Repeat("-", maxTerm)}, maxList/maxTerm-1)
	for spare, want := range map[int][]Kind{0: {Pricing}, 1: nil} {
		last := strings.Repeat("-", maxTerm-len("pricing")+spare)
		if got := mentioned(append(slices.Clone(long), last, "pricing")); !slices.Equal(got, want) {
			t.Errorf("with %d bytes before it, pricing is read as %v, want %v", len(last)+len(long)*maxTerm, got, want)
		}
	}
	if got := mentioned([]string{strings.Repeat("-", maxTerm) + "pricing"}); got != nil {
		t.Errorf("byte %d was read: %v", maxTerm+1, got)
	}
}
