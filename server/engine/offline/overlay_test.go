package offline

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

func TestOverlay(t *testing.T) {
	t.Parallel()
	const under = `{"title":"Hello","words":{"a":"A","b":"B"},"list":[{"ID":"x","Name":"X","Tag":"t"},{"Name":"Y","Body":["p","q"]}]}`
	for _, test := range []struct{ name, over, want string }{
		{"nothing", `{}`, under},
		{"a key of an object", `{"words":{"b":"β"}}`, `{"title":"Hello","words":{"a":"A","b":"β"},"list":[{"ID":"x","Name":"X","Tag":"t"},{"Name":"Y","Body":["p","q"]}]}`},
		{"an entry by its ID", `{"list":{"x":{"Name":"Ξ"}}}`, `{"title":"Hello","words":{"a":"A","b":"B"},"list":[{"ID":"x","Name":"Ξ","Tag":"t"},{"Name":"Y","Body":["p","q"]}]}`},
		{"an entry by its position", `{"list":{"1":{"Body":{"0":"π"}}}}`, `{"title":"Hello","words":{"a":"A","b":"B"},"list":[{"ID":"x","Name":"X","Tag":"t"},{"Name":"Y","Body":["π","q"]}]}`},
		{"a whole list", `{"list":[{"Name":"Z"}]}`, `{"title":"Hello","words":{"a":"A","b":"B"},"list":[{"Name":"Z"}]}`},
		{"no such entry", `{"list":{"2":{"Name":"?"},"-1":{"Name":"?"},"y":{"Name":"?"}}}`, under},
		{"a new key", `{"more":"!"}`, `{"title":"Hello","words":{"a":"A","b":"B"},"list":[{"ID":"x","Name":"X","Tag":"t"},{"Name":"Y","Body":["p","q"]}],"more":"!"}`},
	} {
		got, err := json.Marshal(overlay(decoded(t, []byte(under)), decoded(t, []byte(test.over))))
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(decoded(t, []byte(test.want)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return value
}

// TestTheWordsOfAPlace: people in Riyadh pay with mada, whatever the language of
// the person that asks for the site.
func TestTheWordsOfAPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ locale, country, language, want string }{
		{"ar", "", "ar", "ar"},
		{"ar-EG", "", "ar", "ar-EG"},
		{"ar", "EG", "ar", "ar-EG"},
		{"ar-EG", "SA", "ar", "ar-SA"},
		{"ar-EG", "MA", "ar", "ar"},
		{"en", "AE", "ar", "ar-AE"},
		{"en", "AE", "en", "en"},
		{"fr-MA", "", "fr", "fr-MA"},
		{"fr-MA", "FR", "fr", "fr"},
		{"fr-MA", "", "ar", "ar"},
		{"de-CH", "", "de", "de"},
	} {
		if got := dialectOf(brief{Locale: test.locale, Country: test.country}, test.language); got != test.want {
			t.Errorf("%s in %q, %s: %s, want %s", test.locale, test.country, test.language, got, test.want)
		}
	}
}

func TestEveryLocaleHasItsCopy(t *testing.T) {
	t.Parallel()
	all, err := wordings()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range locale.Supported() {
		for _, name := range []string{"shared", "more", "salon"} {
			if len(all[tag+"/"+name+".json"]) < 1000 {
				t.Errorf("%s has no %s", tag, name)
			}
		}
	}
}
