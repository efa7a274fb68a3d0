package recommend_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
)

// The rows of the inventory's section on quick suggestions that are about words,
// by their names there. Those about choosing are shown in the folder rules.

// Q02: an id and three keys for each kind, in the kind's own spelling.
func TestInventory_Q02(t *testing.T) {
	t.Parallel()
	for _, kind := range rules.Kinds() {
		s := recommend.Quick(rules.Facts{Missing: []string{string(kind)}}, 1, "en")[0]
		prefix := "quickSuggestions." + string(kind) + "."
		keys := []string{s.TitleKey, s.DescriptionKey, s.PromptKey}
		for i, suffix := range []string{"title", "description", "prompt"} {
			if keys[i] != prefix+suffix {
				t.Errorf("%s has the key %q, want %q", kind, keys[i], prefix+suffix)
			}
		}
		if s.ID != "qs-"+string(kind) || s.Kind != kind || s.Category != kind.Category() {
			t.Errorf("%s is %+v", kind, s)
		}
	}
}

// Q08: all 513 texts are there, see TestEveryKindIsWordedInEveryLocale, and no
// two kinds of a locale say the same.
func TestInventory_Q08(t *testing.T) {
	t.Parallel()
	for _, tag := range locale.Supported() {
		said := make(map[string]rules.Kind)
		for _, kind := range rules.Kinds() {
			s := recommend.Quick(rules.Facts{Missing: []string{string(kind)}}, 1, tag)[0]
			for _, text := range []string{s.Title, s.Description, s.Prompt} {
				if other, known := said[text]; known {
					t.Errorf("%s: %s and %s both say %q", tag, kind, other, text)
				}
				said[text] = kind
			}
			if !strings.HasSuffix(s.Description, ".") || !strings.HasSuffix(s.Prompt, ".") || len(s.Prompt) < 40 {
				t.Errorf("%s: %s is no whole sentence: %q, %q", tag, kind, s.Description, s.Prompt)
			}
		}
	}
}

// Q10: what is answered is what the keys mean in that locale, so that a client
// may use either.
func TestInventory_Q10(t *testing.T) {
	t.Parallel()
	for _, tag := range locale.Supported() {
		for _, s := range recommend.Quick(rules.Facts{BusinessType: "salon"}, 6, tag) {
			for key, text := range map[string]string{s.TitleKey: s.Title, s.DescriptionKey: s.Description, s.PromptKey: s.Prompt} {
				if want := locale.Text(tag, key, nil); text != want || text == key {
					t.Errorf("%s: %s is %q, want %q", tag, key, text, want)
				}
			}
		}
	}
}

// Q11: suggestions are there within 10 ms also for the longest facts. The
// fastest of a few tries counts, because a test shares its machine.
func TestInventory_Q11(t *testing.T) {
	t.Parallel()
	long := strings.Split(strings.Repeat("our story, team ", 200), ",")
	facts := rules.Facts{
		BusinessType: "salon", Services: long, Requirements: long, Missing: long, Existing: long, Audience: long, Personality: long,
	}
	fastest := time.Hour
	for range 20 {
		begin := time.Now()
		recommend.Quick(facts, rules.MaxLimit, "ar-EG")
		fastest = min(fastest, time.Since(begin))
	}
	if fastest > 10*time.Millisecond {
		t.Errorf("suggestions took %v", fastest)
	}
}
