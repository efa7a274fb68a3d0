package llm

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

func eventsOf(stream string) ([]string, error) {
	var got []string
	err := events(iotest.OneByteReader(strings.NewReader(stream)), func(data []byte) error {
		got = append(got, string(data))
		return nil
	})
	return got, err
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]string{
		"data: a\n\ndata: b\n\n":                    "a|b",
		"event: x\r\ndata: é\r\n\r\n":               "é",
		": comment\n\ndata:a\ndata: b\nid: 1\n\n":   "a\nb",
		"data: a\n\ndata: without its blank line\n": "a",
		"data\n\ndata:\n\n\n\n":                     "",
		"nonsense":                                  "",
	} {
		got, err := eventsOf(stream)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v", stream, got, err)
		}
	}
	endless := strings.NewReader("data: " + strings.Repeat("x", maxEvent+1) + "\n\n")
	if err := events(endless, func([]byte) error { return nil }); err == nil {
		t.Error("an endless line is read")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "2": 2 * time.Second, "0.5": 500 * time.Millisecond, "-1": 0, "NaN": 0, "Inf": 24 * time.Hour, "1e300": 24 * time.Hour,
		"Mon, 23 Nov 2026 01:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 00:00:00 GMT": 0, "tomorrow": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
	if got := retryAfter(http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"9"}}, now); got != 1500*time.Millisecond {
		t.Errorf("milliseconds are %v", got)
	}
}

func TestReadPlan(t *testing.T) {
	t.Parallel()
	const good = `{"title":" T ","summary":"S","business_type":"casino","locale":"fr-ma","features":["faq","gold","about"],
		"design":"d\u0000","files":[{"path":"index.html","purpose":""},{"path":"index.html","purpose":"again"}]}`
	plan, err := readPlan(engine.Request{Operation: engine.MainBuild}, []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if plan.Title != "T" || plan.BusinessType != "business" || plan.Locale != "fr-MA" || strings.Join(plan.Features, " ") != "faq about" ||
		len(plan.Files) != 1 || plan.Files[0].Purpose == "" || string(plan.Private) != `{"design":"d"}` {
		t.Errorf("the plan is %+v", plan)
	}
	many := `{"title":"T","summary":"S","files":[{"path":"index.html"}`
	for i := range maxPlanned {
		many = fmt.Sprintf(`%s,{"path":"page%d.html"}`, many, i)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{}`, `{"title":1}`, strings.Replace(good, `"S"`, `" "`, 1), strings.Replace(good, "index", "home", 2),
		strings.Replace(good, `"index.html"`, `"../index.html"`, 1), many + `]}`,
	} {
		if plan, err := readPlan(engine.Request{Operation: engine.MainBuild}, []byte(bad)); err == nil {
			t.Errorf("%.200s is taken as %+v", bad, plan)
		}
	}
	if _, err := readPlan(engine.Request{Operation: engine.Update}, []byte(strings.Replace(good, "index", "home", 2))); err != nil {
		t.Errorf("an update without a front page: %v", err)
	}
	if _, err := readPlan(engine.Request{Operation: engine.Update}, []byte(`{"title":"T","summary":"It is there already.","files":[]}`)); err != nil {
		t.Errorf("an update with nothing to change: %v", err)
	}
}

// Whatever a provider sends, its events are pieces of it, however it arrives.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("data: a\n\nevent: x\r\ndata: {\r\ndata: }\r\n\r\n: c\n"))
	f.Add([]byte("data:\xff\n\n\x00"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var whole, pieces [][]byte
		size := 0
		_ = events(bytes.NewReader(stream), func(data []byte) error {
			whole = append(whole, bytes.Clone(data))
			size += len(data)
			return nil
		})
		_ = events(iotest.OneByteReader(bytes.NewReader(stream)), func(data []byte) error {
			pieces = append(pieces, bytes.Clone(data))
			return nil
		})
		if size > len(stream) || !bytes.Equal(bytes.Join(whole, []byte("|")), bytes.Join(pieces, []byte("|"))) {
			t.Errorf("%q gives %q, byte by byte %q", stream, whole, pieces)
		}
	})
}

// Whatever a model hands in, what is taken can be stored.
func FuzzArguments(f *testing.F) {
	f.Add([]byte(`{"title":"T","summary":"S","locale":"en","files":[{"path":"index.html","purpose":"p"}],"design":"\u0000"}`))
	f.Add([]byte(`{"path":"index.html","content":"\ud800"}`))
	f.Fuzz(func(t *testing.T, arguments []byte) {
		if plan, err := readPlan(engine.Request{}, arguments); err == nil {
			if len(plan.Files) > maxPlanned || plan.Locale == "" || bytes.Contains(plan.Private, []byte(`\u0000`)) {
				t.Errorf("%q becomes %+v", arguments, plan)
			}
			for _, file := range plan.Files {
				if _, err := engine.CleanPath(file.Path); err != nil {
					t.Error(err)
				}
			}
		}
		if content, err := readFile("index.html", arguments); err == nil && len(content) == 0 {
			t.Errorf("%q becomes an empty file", arguments)
		}
	})
}
