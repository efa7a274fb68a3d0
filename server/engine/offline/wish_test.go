package offline

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/locale"
)

// What a suggestion sends when it is applied asks for its kind and for no other.
func TestSuggestionsAreWishes(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ar", "ar-EG", "ar-SA", "ar-AE", "fr", "fr-MA", "es", "de"} {
		for _, kind := range analysis.Kinds() {
			prompt := locale.Text(tag, "quickSuggestions."+kind+".prompt", nil)
			if w := wishOf(prompt, tag); !slices.Equal(w.add, []string{kind}) || len(w.remove) > 0 || w.brand != "" || w.color != "" || w.darker {
				t.Errorf("%s, %s: %q is read as %+v", tag, kind, prompt, w)
			}
		}
	}
}

func TestWishes(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string]string{
		"add a pricing table":                                     "pricing",
		"Add a newsletter and a dark mode":                        "newsletter darkMode",
		"Please add an FAQ, a blog and a gallery.":                "faq gallery blog",
		"Add online booking. Also a page about our team":          "team booking",
		"Ajoute une FAQ et une galerie":                           "faq gallery",
		"Ajoute un tableau de prix":                               "pricing",
		"Añade una tabla de precios y una galería":                "pricing gallery",
		"Füge eine Preistabelle und einen Blog hinzu":             "pricing blog",
		"أضف جدول أسعار":                                          "pricing",
		"أضف الأسئلة الشائعة ومدونة":                              "faq blog",
		"A section with opinions of our guests: customer reviews": "testimonials",
		"make the title bigger":                                   "",
	} {
		if w := wishOf(prompt, ""); strings.Join(w.add, " ") != want {
			t.Errorf("%q asks for %v, want %s", prompt, w.add, want)
		}
	}
}
