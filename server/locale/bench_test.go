package locale_test

import (
	"testing"

	"github.com/sheenapps/sheen/server/locale"
)

func BenchmarkText(b *testing.B) {
	for _, bb := range []struct {
		name, tag, key string
		args           locale.Args
	}{
		{"plain", "en", "event.phase.complete.title", nil},
		{"args", "de", "event.step.write.title", locale.Args{"file": "index.html"}},
		{"numbers", "de", "event.step.write.description", locale.Args{"index": 3, "count": 12}},
		{"plural", "de", "event.step.check.description", locale.Args{"count": 12}},
		{"plural-arabic-digits", "ar-EG", "event.step.check.description", locale.Args{"count": 12}},
		{"fallback-language", "ar-SA", "question.features.newsletter", nil},
		// No message falls back from a region to English, so a key that nobody
		// has walks the three steps.
		{"fallback-three-steps", "ar-SA", "no.such.key", nil},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				locale.Text(bb.tag, bb.key, bb.args)
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, tag := range []string{"en", "ar-EG", "AR_arab_eg", "pt-BR", "garbage!!"} {
		b.Run(tag, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				locale.Resolve(tag)
			}
		})
	}
}

func BenchmarkFromHeader(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		locale.FromHeader("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5")
	}
}
