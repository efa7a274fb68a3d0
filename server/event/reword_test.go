package event

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/locale"
)

func recordOf(t *testing.T, seq int64, e *eventv1.BuildEvent) Record {
	t.Helper()
	payload, err := proto.Marshal(&eventv1.BuildEvent{Payload: e.GetPayload()})
	if err != nil {
		t.Fatal(err)
	}
	return newRecord(uuid.Max, seq, classOf(e), false, time.Unix(seq, 0), payload)
}

func written(file string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_Progress{Progress: &eventv1.Progress{
		Title: "Writing " + file, TextKey: NewTextKey("event.step.write", locale.Args{"file": file, "index": 1, "count": 2}),
	}}}
}

func said(delta string) *eventv1.BuildEvent {
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_AssistantText{AssistantText: &eventv1.AssistantText{Delta: delta}}}
}

// Subscribers share records. One who reads in another language changes none of them,
// and who has nothing to word gets the very same ones.
func TestReadersShareRecords(t *testing.T) {
	t.Parallel()
	records := []Record{recordOf(t, 1, said("a")), recordOf(t, 2, written("a.html")), recordOf(t, 3, said("b"))}
	before := fmt.Sprint(records)
	german := reader{"de"}.records(records)
	if fmt.Sprint(records) != before {
		t.Error("reading changed what was stored")
	}
	for i, r := range german {
		if r.Seq != records[i].Seq || r.Class != records[i].Class || r.Time != records[i].Time {
			t.Errorf("record %d became %+v", i, r)
		}
		if shared := &r.Wire[0] == &records[i].Wire[0] && r.text == records[i].text; shared != (i != 1) {
			t.Errorf("record %d is shared: %v", i, shared)
		}
	}
	e := decodeAll(german)[1]
	if got := e.GetProgress().GetTitle(); got != locale.Text("de", "event.step.write.title", locale.Args{"file": "a.html"}) {
		t.Errorf("the title is %q", got)
	}
	text, err := german[1].JSON()
	if err != nil || !bytes.Contains(text, []byte("a.html wird geschrieben")) || proto.Size(e) != len(german[1].Wire) {
		t.Errorf("%s, %v", text, err)
	}
	again := reader{"de"}.records(records)
	if &again[1].Wire[0] != &german[1].Wire[0] || again[1].text != german[1].text {
		t.Error("the second reader has it worded again")
	}
	if spanish := decodeAll(reader{"es"}.records(records))[1].GetProgress().GetTitle(); spanish != locale.Text("es", "event.step.write.title", locale.Args{"file": "a.html"}) {
		t.Errorf("who reads Spanish gets %q", spanish)
	}
	for name, same := range map[string][]Record{"as written": reader{}.records(records), "nothing to word": reader{"de"}.records(records[:1])} {
		if &same[0] != &records[0] {
			t.Errorf("%s: the records were copied", name)
		}
	}
}

// Readers in all languages come at once, and each gets its own words.
func TestManyReadInEveryLocale(t *testing.T) {
	t.Parallel()
	records := []Record{recordOf(t, 1, written("a.html"))}
	args := locale.Args{"file": "a.html"}
	var group sync.WaitGroup
	for range 8 {
		for _, tag := range locale.Supported() {
			group.Go(func() {
				got := decodeAll(reader{tag}.records(records))[0].GetProgress().GetTitle()
				if want := locale.Text(tag, "event.step.write.title", args); got != want {
					t.Errorf("%s: %q, want %q", tag, got, want)
				}
			})
		}
	}
	group.Wait()
}

func TestNewReaderOfTheBuildsOwnLocale(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ asked, own, want string }{
		{"", "fr", ""}, {"fr-CA", "fr", ""}, {"fr_MA", "fr", "fr-MA"}, {"tlh", "fr", "en"}, {"tlh", "en", ""},
	} {
		if got := newReader(locale.Read(test.asked, test.own), test.own); got.tag != test.want {
			t.Errorf("%+v: %q", test, got.tag)
		}
	}
}

// What a reader in another language costs beside one in the build's own: the first of
// an event, and each after it.
func BenchmarkReader(b *testing.B) {
	e := written("services/coloration.html")
	payload, err := proto.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	records := []Record{newRecord(uuid.Max, 1, classOf(e), false, time.Unix(1, 0), payload)}
	for _, test := range []struct {
		name, tag string
		first     bool
	}{{"own", "", false}, {"first in ar-EG", "ar-EG", true}, {"next in ar-EG", "ar-EG", false}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if test.first {
					records[0].text = new(jsonForm)
				}
				reader{test.tag}.records(records)
			}
		})
	}
}
