package locale

import (
	"slices"
	"strings"
	"testing"
)

// courtesies are how a language asks for something and its regions do not.
var courtesies = map[string]string{
	"ar-EG": "يُرجى", "ar-SA": "يُرجى", "ar-AE": "يُرجى", "fr-MA": "euillez",
}

// What is new in a language must not stand beside the wording of its regions as if
// another person spoke.
func TestRegionsAskInTheirOwnWay(t *testing.T) {
	t.Parallel()
	for tag, foreign := range courtesies {
		for key := range catalogues[Default] {
			if said := Text(tag, key, nil); strings.Contains(said, foreign) {
				t.Errorf("%s: %s says %q", tag, key, said)
			}
		}
	}
}

// forServices are errors that only services meet.
var forServices = []string{"error.LEASE_LOST", "error.HOLD_CLOSED", "error.SEQ_CONFLICT"}

// Egyptian differs from the written language in every sentence, so that one left out
// shows.
func TestEgyptianSaysAllErrors(t *testing.T) {
	t.Parallel()
	for key := range catalogues[Default] {
		failure := strings.HasPrefix(key, "error.") || strings.HasPrefix(key, "recommendation.failed.")
		if _, said := catalogues["ar-EG"][key]; failure && !said && !slices.Contains(forServices, key) {
			t.Errorf("%s is left to Arabic: %q", key, Text("ar-EG", key, nil))
		}
	}
}
