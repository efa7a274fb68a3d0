package locale_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

// The rows of the inventory's section on locales, by their names there.

var chains = map[string][]string{
	"en": {"en"},
	"ar": {"ar", "en"}, "ar-EG": {"ar-EG", "ar", "en"}, "ar-SA": {"ar-SA", "ar", "en"}, "ar-AE": {"ar-AE", "ar", "en"},
	"fr": {"fr", "en"}, "fr-MA": {"fr-MA", "fr", "en"},
	"es": {"es", "en"}, "de": {"de", "en"},
}

// L01: nine locales, in canonical form, however they are asked for.
func TestInventory_L01(t *testing.T) {
	t.Parallel()
	if got := locale.Supported(); len(got) != 9 || len(chains) != 9 {
		t.Errorf("%d locales: %v", len(got), got)
	}
	for _, tag := range locale.Supported() {
		for _, asked := range spellings(tag) {
			if got := locale.Resolve(asked).Tag; got != tag {
				t.Errorf("%q is %q, want %q", asked, got, tag)
			}
		}
	}
	locale.Supported()[0] = "xx"
	if locale.Supported()[0] != "en" {
		t.Error("a caller can change the list")
	}
}

func spellings(tag string) []string {
	return []string{
		tag, strings.ToLower(tag), strings.ToUpper(tag), strings.ReplaceAll(tag, "-", "_"),
		strings.ToLower(strings.ReplaceAll(tag, "-", "_")), tag + "-x-a", tag + "-u-ca-gregory",
	}
}

// L02: the chain of each locale, and the spellings that lead to it.
func TestInventory_L02(t *testing.T) {
	t.Parallel()
	for tag, want := range chains {
		for _, asked := range spellings(tag) {
			got := locale.Resolve(asked)
			if !slices.Equal(got.Path, want) {
				t.Errorf("the chain of %q is %v, want %v", asked, got.Path, want)
			}
			got.Path[0] = "xx"
			if again := locale.Resolve(asked).Path; !slices.Equal(again, want) {
				t.Fatalf("a caller changed the chain of %q: %v", asked, again)
			}
		}
	}
}

// L03: the regional catalogues are used, a region without one leads to its
// language, and the rest to English.
func TestInventory_L03(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"ar-EG": "سرّع الموقع على الموبايل", "ar-SA": "سرّع الموقع على الجوال", "ar-AE": "سرّع الموقع على الهاتف المتحرك",
		"ar": "سرّع الموقع على الهاتف", "ar-XY": "سرّع الموقع على الهاتف", "ar-MA": "سرّع الموقع على الهاتف",
		"fr-MA": "Accélérer le site sur GSM", "fr-CA": "Accélérer le site sur mobile",
		"es-MX": "Acelerar el sitio en el móvil", "de-AT": "Auf dem Handy schneller werden",
		"pt-BR": "Make it faster on phones",
	} {
		if got := locale.Text(locale.Resolve(asked).Tag, "quickSuggestions.mobile.title", nil); got != want {
			t.Errorf("%s: %q, want %q", asked, got, want)
		}
	}
}

// L04: an answer can name its locale, the path to it and its direction.
func TestInventory_L04(t *testing.T) {
	t.Parallel()
	for tag, chain := range chains {
		got := locale.Resolve("xx", tag, "en")
		dir := locale.LTR
		if chain[0][:2] == "ar" {
			dir = locale.RTL
		}
		if got.Tag != tag || !slices.Equal(got.Path, chain) || got.Dir != dir {
			t.Errorf("Resolve = %+v, want %s along %v, %s", got, tag, chain, dir)
		}
	}
}

// L05: a region that lacks a message is answered by its language.
func TestInventory_L05(t *testing.T) {
	t.Parallel()
	const there, lacking = "question.features.mobile", "question.features.newsletter"
	for tag, chain := range chains {
		if len(chain) < 3 {
			continue
		}
		parent := chain[1]
		if got, above := locale.Text(tag, there, nil), locale.Text(parent, there, nil); got == above {
			t.Errorf("%s does not have its own %q", tag, got)
		}
		got, above := locale.Text(tag, lacking, nil), locale.Text(parent, lacking, nil)
		if got != above || got == lacking || got == locale.Text("en", lacking, nil) {
			t.Errorf("%s says %q, %s says %q", tag, got, parent, above)
		}
	}
}

// L06: all that is Arabic is written from right to left, and it only.
func TestInventory_L06(t *testing.T) {
	t.Parallel()
	rtl := 0
	for _, asked := range append(locale.Supported(), "ar-XY", "ar_eg", "AR", "he", "fa", "ur-PK") {
		got := locale.Resolve(asked)
		if want := strings.HasPrefix(got.Tag, "ar"); want != (got.Dir == locale.RTL) {
			t.Errorf("%s is written %s", asked, got.Dir)
		}
		if got.Dir == locale.RTL {
			rtl++
		}
	}
	if rtl != 7 {
		t.Errorf("%d tags are written from right to left, want the 4 Arabic locales and 3 spellings", rtl)
	}
}

// L07: words depend on the locale and the arguments alone, so that what was
// said in one locale can be said again in another.
func TestInventory_L07(t *testing.T) {
	t.Parallel()
	args := locale.Args{"count": 3}
	for tag, want := range map[string]string{
		"en": "3 files in this version", "fr-MA": "3 fichiers dans cette version", "ar-EG": "٣ ملفات في النسخة دي",
		"ar-SA": "٣ ملفات في هذه النسخة", "de": "3 Dateien in dieser Version", "es": "3 archivos en esta versión",
	} {
		for range 2 {
			if got := locale.Text(tag, "event.step.version.description", args); got != want {
				t.Errorf("%s: %q, want %q", tag, got, want)
			}
		}
	}
}

// The annex of the section: what is asked for and the chain it leads to.
func TestInventory_LAnnex(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string][]string{
		"en": chains["en"],
		"ar": chains["ar"], "ar-eg": chains["ar-EG"], "ar-sa": chains["ar-SA"], "ar-ae": chains["ar-AE"],
		"fr": chains["fr"], "fr-ma": chains["fr-MA"],
		"es": chains["es"], "de": chains["de"],
		"ar_EG": chains["ar-EG"], "AR-EG": chains["ar-EG"], "ar-Arab-EG": chains["ar-EG"],
		"ar-XY": chains["ar"], "fr-CA": chains["fr"], "de-AT": chains["de"],
		"zh": chains["en"], "": chains["en"], "garbage": chains["en"], "ar garbage": chains["en"],
		"ar-" + strings.Repeat("x", 33): chains["en"],
	} {
		got := locale.Resolve(asked)
		rtl := strings.HasPrefix(want[0], "ar")
		if got.Tag != want[0] || !slices.Equal(got.Path, want) || rtl != (got.Dir == locale.RTL) {
			t.Errorf("Resolve(%q) = %+v, want %v", asked, got, want)
		}
	}
}
