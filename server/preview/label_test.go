package preview

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestLabel(t *testing.T) {
	t.Parallel()
	// Computed with another implementation of RFC 4648.
	tests := map[string]string{
		"00000000-0000-0000-0000-000000000000": "aaaaaaaaaaaaaaaaaaaaaaaaaa",
		"ffffffff-ffff-ffff-ffff-ffffffffffff": "7777777777777777777777777" + "4",
		"018f2d3c-4b5a-7c6d-8e9f-a0b1c2d3e4f5": "aghs2pcllj6g3du7ucy4fu7e6u",
	}
	for id, want := range tests {
		version := uuid.MustParse(id)
		if got := Label(version); got != want {
			t.Errorf("Label(%s) = %s, want %s", id, got, want)
		}
		if got, err := ParseLabel(want); err != nil || got != version {
			t.Errorf("ParseLabel(%s) = %s, %v", want, got, err)
		}
	}
	valid := "aghs2pcllj6g3du7ucy4fu7e6u"
	for _, label := range []string{
		"", "www", valid[1:], valid + "a", strings.ToUpper(valid), valid[:25] + "v", valid[:25] + "1", valid[:25] + "\n",
		"xn--" + valid[4:], valid[:12] + "." + valid[13:],
	} {
		if got, err := ParseLabel(label); !errors.Is(err, ErrLabel) {
			t.Errorf("ParseLabel(%q) = %s, %v, want ErrLabel", label, got, err)
		}
	}
}

func FuzzLabel(f *testing.F) {
	f.Add("aghs2pcllj6g3du7ucy4fu7e6u")
	f.Add("7777777777777777777777777z")
	f.Fuzz(func(t *testing.T, label string) {
		version, err := ParseLabel(label)
		if err == nil && Label(version) != label {
			t.Errorf("ParseLabel(%q) = %s, whose label is %q", label, version, Label(version))
		}
		if err != nil && (!errors.Is(err, ErrLabel) || version != uuid.UUID{}) {
			t.Errorf("ParseLabel(%q) = %s, %v", label, version, err)
		}
	})
}

func FuzzLabelOfHost(f *testing.F) {
	f.Add("aghs2pcllj6g3du7ucy4fu7e6u.preview.localhost:8081")
	f.Add("[::1]:80")
	f.Add("PAGHS2PCLLJ6G3DU7UCY4FU7E6U.Preview.Localhost.")
	f.Fuzz(func(t *testing.T, host string) {
		label, err := labelOfHost(host, "preview.localhost")
		if err == nil && !strings.HasPrefix(strings.ToLower(host), label+".preview.localhost") {
			t.Errorf("host %q names %s", host, label)
		}
	})
}

func TestOriginURL(t *testing.T) {
	t.Parallel()
	version := uuid.MustParse("018f2d3c-4b5a-7c6d-8e9f-a0b1c2d3e4f5")
	tests := map[Origin]string{
		{"http", "preview.localhost", 8081}: "http://aghs2pcllj6g3du7ucy4fu7e6u.preview.localhost:8081/",
		{"http", "preview.localhost", 80}:   "http://aghs2pcllj6g3du7ucy4fu7e6u.preview.localhost/",
		{"https", "sites.example", 443}:     "https://aghs2pcllj6g3du7ucy4fu7e6u.sites.example/",
		{"https", "sites.example", 80}:      "https://aghs2pcllj6g3du7ucy4fu7e6u.sites.example:80/",
		{"https", "sites.example", 0}:       "https://aghs2pcllj6g3du7ucy4fu7e6u.sites.example/",
	}
	for origin, want := range tests {
		if got := origin.URL(version); got != want {
			t.Errorf("%+v: got %s, want %s", origin, got, want)
		}
	}
}
