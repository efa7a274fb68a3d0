package meter

import (
	"encoding/json"
	"maps"
	"testing"
	"time"
)

// What a balance is stored as reads as that balance.
func FuzzBalance(f *testing.F) {
	f.Add(int64(3000), int64(900), int64(0), int64(40), int64(1_772_366_400_000_000))
	f.Add(int64(-1), int64(1)<<62, int64(-1)<<63, int64(0), int64(-62_135_596_800_000_000))
	f.Fuzz(func(t *testing.T, welcome, pack, spendable, held, reset int64) {
		balance := Balance{ByKind: Amounts{}, Held: held, Spendable: spendable, GiftReset: time.UnixMicro(reset).UTC()}
		balance.ByKind.add(Welcome, welcome)
		balance.ByKind.add(Package, pack)
		if year := balance.GiftReset.Year(); year < 0 || year > 9999 {
			return // no such time is stored
		}
		text, err := json.Marshal(balance)
		if err != nil {
			t.Fatal(err)
		}
		var again Balance
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !maps.Equal(again.ByKind, balance.ByKind) || again.Held != held || again.Spendable != spendable ||
			!again.GiftReset.Equal(balance.GiftReset) {
			t.Errorf("%s reads as %+v, was %+v", text, again, balance)
		}
	})
}

// Any text that reads as a balance is written so that it reads the same.
func FuzzBalanceText(f *testing.F) {
	f.Add([]byte(`{"spendable":3900,"held":10,"gift_reset":"2026-03-02T00:00:00Z","by_kind":{"welcome":3000,"daily":900}}`))
	f.Add([]byte(`{"by_kind":{"daily":0},"gift_reset":"2026-03-02T00:00:00.000001+14:00"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var balance, again Balance
		if json.Unmarshal(text, &balance) != nil {
			return
		}
		for kind, seconds := range balance.ByKind {
			if !kind.Valid() {
				return // never stored, so never written again
			}
			if seconds == 0 {
				delete(balance.ByKind, kind)
			}
		}
		if year := balance.GiftReset.UTC().Year(); year < 0 || year > 9999 {
			return
		}
		written, err := json.Marshal(balance)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s becomes %s: %v", text, written, err)
		}
		if !maps.Equal(again.ByKind, balance.ByKind) || again.Held != balance.Held || again.Spendable != balance.Spendable ||
			!again.GiftReset.Equal(balance.GiftReset) {
			t.Errorf("%s becomes %s", text, written)
		}
	})
}
