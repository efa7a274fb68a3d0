package llm

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadRecommendations(t *testing.T) {
	t.Parallel()
	const good = `{"recommendations":[{"kind":"gold","category":"","title":"T","description":"D","prompt":"P","score":7}],"note":"n"}`
	list, err := readRecommendations([]byte(good))
	if err != nil || len(list) != 1 || list[0].Kind != "gold" || list[0].Prompt != "P" {
		t.Errorf("got %+v, %v", list, err)
	}
	list, err = readRecommendations([]byte(`{"recommendations":[{"kind":"faq","category":"seo","title":"T"},{"kind":"","category":"seo","title":"U"}]}`))
	if err != nil || list[0].Category != "feature" || list[1].Category != "seo" {
		t.Errorf("the categories are those of %+v, %v", list, err)
	}
	var many []string
	for i := range 9 {
		many = append(many, fmt.Sprintf(`{"title":"T%d"}`, i))
	}
	list, err = readRecommendations([]byte(`{"recommendations":[` + strings.Join(many, ",") + `]}`))
	if err != nil || len(list) != 6 || list[5].Title != "T5" {
		t.Errorf("of nine it takes %+v, %v", list, err)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{}`, `"prose"`, good[:50], good + "}", `{"recommendations":null}`, `{"recommendations":[]}`,
		`{"recommendations":{}}`, `{"recommendations":["T"]}`, `{"recommendations":[{"title":1}]}`,
	} {
		if list, err := readRecommendations([]byte(bad)); err == nil {
			t.Errorf("%q is taken as %+v", bad, list)
		}
	}
}

func FuzzRecommendations(f *testing.F) {
	f.Add([]byte(`{"recommendations":[{"kind":"faq","category":"feature","title":"T","description":"D","prompt":"P"}]}`))
	f.Add([]byte(`{"recommendations":[null,{"title":"\ud800"}]}`))
	f.Fuzz(func(t *testing.T, arguments []byte) {
		list, err := readRecommendations(arguments)
		if (err == nil) != (len(list) > 0) || len(list) > maxRecommended {
			t.Errorf("%q becomes %d entries, %v", arguments, len(list), err)
		}
	})
}
