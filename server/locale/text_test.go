package locale_test

import (
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, tag, key string
		args           locale.Args
		want           string
	}{
		{"english", "en", "event.step.write.title", locale.Args{"file": "index.html"}, "Writing index.html"},
		{"integers", "de", "event.step.write.description", locale.Args{"index": 3, "count": int64(12)}, "Datei 3 von 12"},
		{"regional message", "ar-SA", "quickSuggestions.mobile.title", nil, "سرّع الموقع على الجوال"},
		{"regional falls back to the language", "ar-SA", "event.phase.complete.title", nil, "موقعك جاهز"},
		{"unknown tag is english", "xx", "event.phase.complete.title", nil, "Your site is ready"},
		{"tag is not canonical", "AR_sa", "event.phase.complete.title", nil, "Your site is ready"},
		{"unknown key is returned", "fr", "no.such.key", nil, "no.such.key"},
		{"missing argument stays visible", "en", "event.step.write.title", nil, "Writing {file}"},
		{"superfluous argument", "en", "event.phase.complete.title", locale.Args{"file": "x"}, "Your site is ready"},
		{
			"an argument is not a message", "en", "event.step.write.description",
			locale.Args{"index": "{count}", "count": "{index} {"},
			"File {count} of {index} {",
		},
		{
			"isolated in right-to-left text", "ar", "event.step.write.title",
			locale.Args{"file": "index.html"},
			"كتابة \u2068index.html\u2069",
		},
		{
			"right-to-left words isolated elsewhere", "en", "event.phase.complete.description",
			locale.Args{"brand": "لمسة"},
			"\u2068لمسة\u2069 is online and passed every check.",
		},
		{
			"a character that turns the direction is isolated", "en", "event.step.write.title",
			locale.Args{"file": "a\u202egpj.html"},
			"Writing \u2068a\u202egpj.html\u2069",
		},
		{
			"right-to-left letters of another plane are isolated", "de", "event.step.write.title",
			locale.Args{"file": "\U0001e900"},
			"\u2068\U0001e900\u2069 wird geschrieben",
		},
		{"grouped", "de", "event.step.write.description", locale.Args{"index": 3, "count": 12_345}, "Datei 3 von 12.345"},
		{"digits of the region", "ar-EG", "event.step.write.description", locale.Args{"index": 3, "count": 12}, "الملف ٣ من ١٢"},
		{"forms of the language by the region's digits", "ar-SA", "event.step.check.description", locale.Args{"count": 12}, "١٢ ملفًا للفحص"},
		{"forms of the region", "ar-EG", "event.step.check.description", locale.Args{"count": 12}, "١٢ ملف للمراجعة"},
		{"a count that is missing", "en", "event.step.check.description", nil, "{count} files to check"},
		{"a count that is no number", "en", "event.step.check.description", locale.Args{"count": "1"}, "1 files to check"},
		{"numbers are not isolated", "ar", "event.step.write.description", locale.Args{"index": 1, "count": 2}, "الملف 1 من 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := locale.Text(tt.tag, tt.key, tt.args); got != tt.want {
				t.Errorf("Text = %q, want %q", got, tt.want)
			}
		})
	}
}
