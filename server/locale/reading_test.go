package locale

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ field, own, want string }{
		{"", "ar-EG", "ar-EG"},
		{"fr_ma", "ar-EG", "fr-MA"},
		{"fr-CA", "ar-EG", "fr"},
		{"tlh", "ar-EG", "en"},
		{strings.Repeat("a", 255), "ar-EG", "en"},
		{"", "", "en"},
	} {
		if got := Read(test.field, test.own); got.Tag != test.want || got.negotiated {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

// A field decides alone; the known ones come before the header, which a call without
// a server around it has not.
func TestNegotiateWithoutACall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		field, known, want string
		negotiated         bool
	}{
		{"de", "fr", "de", false},
		{"tlh", "fr", "en", false},
		{"", "fr", "fr", false},
		{"", "", "en", true},
	} {
		if got := Negotiate(t.Context(), test.field, test.known); got.Tag != test.want || got.negotiated != test.negotiated {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		field  string
		header []string
		want   string
	}{
		{"", nil, ""},
		{"", []string{""}, ""},
		{"", []string{"pt, *"}, ""},
		{"", []string{"pt", "es;q=0.5, ar_SA"}, "ar-SA"},
		{"", []string{"en-GB"}, "en"},
		{"de-AT", []string{"es"}, "de"},
		{"tlh", []string{"es"}, ""},
	} {
		got, ok := Asked(test.field, http.Header{"Accept-Language": test.header})
		if got.Tag != test.want || ok != (test.want != "") || ok && got.negotiated != (test.field == "") {
			t.Errorf("%+v: %+v, %v", test, got, ok)
		}
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	header := http.Header{"Vary": {"Origin"}}
	Read("", "ar-EG").Mark(header)
	if header.Get("Content-Language") != "ar-EG" || header.Get("Sheen-Locale-Path") != "ar-EG,ar,en" || len(header["Vary"]) != 1 {
		t.Errorf("of a build: %v", header)
	}
	Negotiate(t.Context(), "").Mark(header)
	if header.Get("Content-Language") != "en" || header.Get("Sheen-Locale-Path") != "en" ||
		!slices.Equal(header["Vary"], []string{"Origin", "Accept-Language"}) {
		t.Errorf("negotiated: %v", header)
	}
}
