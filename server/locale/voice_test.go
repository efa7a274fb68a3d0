package locale_test

import (
	"math"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

// Each language counts files in its own way.
func TestCounts(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]map[int]string{
		"en":    {0: "0 files to check", 1: "1 file to check", 2: "2 files to check", 1000: "1,000 files to check"},
		"de":    {0: "0 Dateien zu prüfen", 1: "1 Datei zu prüfen", 2: "2 Dateien zu prüfen"},
		"es":    {0: "0 archivos por revisar", 1: "1 archivo por revisar", 1234: "1234 archivos por revisar"},
		"fr":    {0: "0 fichier à contrôler", 1: "1 fichier à contrôler", 2: "2 fichiers à contrôler"},
		"fr-MA": {0: "0 fichier à contrôler", 2: "2 fichiers à contrôler"},
		"ar": {
			0: "لا توجد ملفات للفحص", 1: "ملف واحد للفحص", 2: "ملفان للفحص", 3: "3 ملفات للفحص", 10: "10 ملفات للفحص",
			11: "11 ملفًا للفحص", 99: "99 ملفًا للفحص", 100: "100 ملف للفحص", 102: "102 ملف للفحص", 103: "103 ملفات للفحص",
		},
		"ar-EG": {2: "ملفين للمراجعة", 3: "٣ ملفات للمراجعة", 11: "١١ ملف للمراجعة"},
	} {
		for count, text := range want {
			if got := locale.Text(tag, "event.step.check.description", locale.Args{"count": count}); got != text {
				t.Errorf("%d in %s: %q, want %q", count, tag, got, text)
			}
		}
	}
}

// The same number, as each locale writes it.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string][3]string{
		"en":    {"999", "1,234", "1,234,567"},
		"ar":    {"999", "1,234", "1,234,567"},
		"ar-AE": {"999", "1,234", "1,234,567"},
		"ar-EG": {"٩٩٩", "١٬٢٣٤", "١٬٢٣٤٬٥٦٧"},
		"ar-SA": {"٩٩٩", "١٬٢٣٤", "١٬٢٣٤٬٥٦٧"},
		"fr":    {"999", "1\u00a0234", "1\u00a0234\u00a0567"},
		"fr-MA": {"999", "1.234", "1.234.567"},
		"es":    {"999", "1234", "1.234.567"},
		"de":    {"999", "1.234", "1.234.567"},
	} {
		for i, n := range []int{999, 1234, 1234567} {
			if got := numberIn(tag, n); got != want[i] {
				t.Errorf("%d in %s: %q, want %q", n, tag, got, want[i])
			}
		}
	}
}

// numberIn is what stands for {index} in a message that counts nothing.
func numberIn(tag string, value any) string {
	const key = "event.step.write.description"
	before, after, _ := strings.Cut(locale.Text(tag, key, nil), "{index}")
	text := locale.Text(tag, key, locale.Args{"index": value})
	return strings.TrimSuffix(strings.TrimPrefix(text, before), after)
}

func TestKindsOfNumbers(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]any{
		"1,234":                      {1234, int32(1234), int64(1234), uint32(1234), 1234.0},
		"-1,234":                     {-1234, -1234.0},
		"12.5":                       {12.5},
		"NaN":                        {math.NaN()},
		"1e+300":                     {1e300},
		"-9,223,372,036,854,775,808": {int64(math.MinInt64)},
		"true":                       {true},
	} {
		for _, value := range values {
			if got := numberIn("en", value); got != want {
				t.Errorf("%T %v is %q, want %q", value, value, got, want)
			}
		}
	}
}

// However large or small a count is, it has a form.
func TestExtremeCounts(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{math.MinInt64, -10_000_000, -1, 9_999_999, 10_000_000, 10_000_001, math.MaxInt64} {
		got := locale.Text("en", "event.step.check.description", locale.Args{"count": n})
		if one := strings.HasSuffix(got, " file to check"); one != (n == -1) {
			t.Errorf("%d: %q", n, got)
		}
	}
}
