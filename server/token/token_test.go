package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func codec(t testing.TB, keys ...Key) *Codec {
	t.Helper()
	c, err := NewCodec(keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func key(id byte) Key { return Key{ID: id, Secret: bytes.Repeat([]byte{id}, 32)} }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c := codec(t, key(1))
	for _, payload := range [][]byte{{}, {0}, []byte("position"), bytes.Repeat([]byte{255}, 100)} {
		got, err := c.Open(Resume, c.Seal(Resume, payload))
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%x: got %x, %v", payload, got, err)
		}
	}
}

func TestEveryChangedBitIsRefused(t *testing.T) {
	t.Parallel()
	c := codec(t, key(1), key(2))
	token := c.Seal(Resume, []byte("position"))
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if got, err := c.Open(Resume, base64.RawURLEncoding.EncodeToString(raw)); !errors.Is(err, ErrInvalid) {
				t.Errorf("byte %d, bit %d: %x, %v", i, bit, got, err)
			}
			raw[i] ^= 1 << bit
		}
	}
	for _, other := range []string{"", "x", token + "A", token[1:], strings.Repeat("A", 600), token + "=", " " + token} {
		if _, err := c.Open(Resume, other); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", other, err)
		}
	}
	if _, err := c.Open(Page, token); !errors.Is(err, ErrInvalid) {
		t.Errorf("other purpose: %v", err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old := codec(t, key(1))
	token := old.Seal(Resume, []byte("p"))
	rotated := codec(t, key(2), key(1))
	if _, err := rotated.Open(Resume, token); err != nil {
		t.Errorf("the old key no longer verifies: %v", err)
	}
	if _, err := old.Open(Resume, rotated.Seal(Resume, nil)); !errors.Is(err, ErrInvalid) {
		t.Errorf("an unknown key verifies: %v", err)
	}
	if _, err := codec(t, key(2)).Open(Resume, token); !errors.Is(err, ErrInvalid) {
		t.Errorf("a removed key verifies: %v", err)
	}
	if _, err := NewCodec(nil); err == nil {
		t.Error("a codec without a key")
	}
}

func TestPageIsBoundToItsRequest(t *testing.T) {
	t.Parallel()
	c := codec(t, key(1))
	token := c.SealPage([]byte("last"), "builds", "a", "bc")
	if got, err := c.OpenPage(token, "builds", "a", "bc"); err != nil || string(got) != "last" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := c.OpenPage("", "builds"); err != nil || got != nil {
		t.Errorf("the first page: %q, %v", got, err)
	}
	for _, bound := range [][]string{{"builds", "ab", "c"}, {"builds", "a"}, {"projects", "a", "bc"}, nil} {
		if _, err := c.OpenPage(token, bound...); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bound, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	c := codec(f, key(1))
	f.Add(c.Seal(Resume, []byte("position")))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		payload, err := c.Open(Resume, s)
		if err == nil && c.Seal(Resume, payload) != s {
			t.Errorf("%q opens as another token's payload %x", s, payload)
		}
	})
}
