package event

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/token"
)

func newTokens(t testing.TB, ids ...byte) *token.Codec {
	t.Helper()
	var keys []token.Key
	for _, id := range ids {
		keys = append(keys, token.Key{ID: id, Secret: bytes.Repeat([]byte{id}, 32)})
	}
	codec, err := token.NewCodec(keys)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func TestResumeTokenRoundTrip(t *testing.T) {
	t.Parallel()
	codec := newTokens(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "build"))
		f := filter(rapid.Uint32().Draw(rt, "filter"))
		seq := rapid.Int64Range(0, 1<<63-1).Draw(rt, "seq")
		sealed := resumeToken(codec, id, f, seq)
		if len(sealed) > 256 {
			rt.Fatalf("%d bytes", len(sealed))
		}
		if got, err := openResumeToken(codec, id, f, sealed); err != nil || got != seq {
			rt.Fatalf("%d became %d, %v", seq, got, err)
		}
	})
}

func TestResumeTokenIsOfOneBuildAndFilter(t *testing.T) {
	t.Parallel()
	codec, id := newTokens(t, 1), uuid.New()
	text := newFilter([]eventv1.EventClass{eventv1.EventClass_EVENT_CLASS_TEXT})
	sealed := resumeToken(codec, id, text, 9)
	for name, open := range map[string]func() (int64, error){
		"other build":   func() (int64, error) { return openResumeToken(codec, uuid.New(), text, sealed) },
		"other filter":  func() (int64, error) { return openResumeToken(codec, id, text|8, sealed) },
		"no filter":     func() (int64, error) { return openResumeToken(codec, id, 0, sealed) },
		"other key":     func() (int64, error) { return openResumeToken(newTokens(t, 2), id, text, sealed) },
		"damaged":       func() (int64, error) { return openResumeToken(codec, id, text, "B"+sealed[1:]) },
		"cut":           func() (int64, error) { return openResumeToken(codec, id, text, sealed[:len(sealed)-4]) },
		"not a token":   func() (int64, error) { return openResumeToken(codec, id, text, "after 9") },
		"page token":    func() (int64, error) { return openResumeToken(codec, id, text, codec.SealPage([]byte("x"))) },
		"other length":  func() (int64, error) { return openResumeToken(codec, id, text, codec.Seal(token.Resume, id[:])) },
		"of an old one": func() (int64, error) { return openResumeToken(codec, id, text, oldEpoch(codec, id, text)) },
	} {
		if seq, err := open(); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %d, %v", name, seq, err)
		}
	}
	if seq, err := openResumeToken(newTokens(t, 3, 1), id, text, sealed); err != nil || seq != 9 {
		t.Errorf("after a key rotation: %d, %v", seq, err)
	}
}

// oldEpoch is a token from before the logs were set back.
func oldEpoch(codec *token.Codec, id uuid.UUID, f filter) string {
	payload := make([]byte, resumeLen)
	copy(payload, id[:])
	payload[23] = byte(f)
	return codec.Seal(token.Resume, payload)
}

func FuzzOpenResumeToken(f *testing.F) {
	codec, id := newTokens(f, 1), uuid.Max
	f.Add("", uint32(0))
	f.Add(resumeToken(codec, id, 4, 77), uint32(4))
	f.Fuzz(func(t *testing.T, sealed string, bits uint32) {
		seq, err := openResumeToken(codec, id, filter(bits), sealed)
		if err == nil && resumeToken(codec, id, filter(bits), seq) != sealed {
			t.Fatalf("a second spelling of %d", seq)
		}
	})
}

func TestFilter(t *testing.T) {
	t.Parallel()
	var records []Record
	for i, class := range []eventv1.EventClass{1, 2, 3, 4, 2} {
		records = append(records, Record{Seq: int64(i + 1), Class: class})
	}
	for _, test := range []struct {
		classes []eventv1.EventClass
		want    []int64
	}{
		{nil, span64(1, 5)},
		{[]eventv1.EventClass{2}, []int64{2, 5}},
		{[]eventv1.EventClass{4, 1}, []int64{1, 4}},
		{[]eventv1.EventClass{1, 2, 3, 4}, span64(1, 5)},
	} {
		if got := seqs(newFilter(test.classes).apply(records)); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v", test.classes, got)
		}
	}
	if newFilter([]eventv1.EventClass{1, 3}) != newFilter([]eventv1.EventClass{3, 1, 3}) {
		t.Error("the order of classes changes the filter")
	}
}
