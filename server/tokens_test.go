package server

import (
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// age makes every token key older.
func age(t *testing.T, db *store.DB, by time.Duration) {
	t.Helper()
	if _, err := db.Exec(t.Context(), "UPDATE token_keys SET create_time = create_time - $1::interval", by.String()); err != nil {
		t.Fatal(err)
	}
}

// TestTokenKeysAreRotated lets three keys follow each other on two nodes. At every
// step each node opens what any of them has sealed and can still be of use.
func TestTokenKeysAreRotated(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	load := func() *token.Codec {
		codec, err := loadTokens(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		return codec
	}
	rotate := func(codec *token.Codec) {
		if err := rotateTokens(t.Context(), db, codec); err != nil {
			t.Fatal(err)
		}
	}
	opens := func(codec *token.Codec, sealed string) bool {
		payload, err := codec.Open(token.Resume, sealed)
		return err == nil && string(payload) == "here"
	}
	one, two := load(), load()
	first := one.Seal(token.Resume, []byte("here"))
	age(t, db, keyAge+time.Hour)
	rotate(one)
	fresh := one.Seal(token.Resume, []byte("here"))
	if !opens(two, fresh) || !opens(two, first) {
		t.Error("a node met a key before it could know it")
	}
	rotate(two)
	age(t, db, keySettle+time.Second)
	rotate(one)
	second := one.Seal(token.Resume, []byte("here"))
	if second == first || !opens(two, second) || !opens(one, first) || !opens(load(), first) {
		t.Error("the new key does not sign, or the old one no longer verifies")
	}
	age(t, db, keyAge+keyMemory+time.Hour)
	rotate(one)
	age(t, db, keySettle+time.Second)
	rotate(one)
	if opens(one, first) {
		t.Error("a key that has long been replaced still verifies")
	}
	if !opens(one, second) {
		t.Error("the key before the newest is gone")
	}
}
