package meter

import (
	"slices"
	"testing"
	"time"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	grant := func(id byte, kind Kind, made, ends int) Grant {
		g := Grant{ID: ID{id}, Kind: kind, CreateTime: start.Add(time.Duration(made) * time.Hour)}
		if ends > 0 {
			g.ExpireTime = start.Add(time.Duration(ends) * time.Hour)
		}
		return g
	}
	grants := []Grant{
		grant(1, Package, 0, 0), grant(2, Package, 0, 9), grant(3, Promo, 0, 5), grant(4, Compensation, 0, 0),
		grant(5, Subscription, 0, 7), grant(6, Daily, 3, 20), grant(7, Welcome, 4, 0), grant(8, Package, 1, 0),
		grant(9, Package, 1, 0),
	}
	for _, test := range []struct {
		order string
		want  string
	}{
		{"", "\x07\x06\x05\x04\x03\x02\x01\x08\x09"},
		{"expiring-first", "\x03\x05\x02\x06\x07\x04\x01\x08\x09"},
		{"package, daily,welcome,subscription,promo,compensation", "\x02\x01\x08\x09\x06\x07\x05\x03\x04"},
	} {
		order, err := ParseOrder(test.order)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, g := range slices.SortedFunc(slices.Values(grants), order.compare) {
			got = append(got, g.ID[0])
		}
		if string(got) != test.want {
			t.Errorf("order %q burns %x, want %x", test.order, got, test.want)
		}
		again, err := ParseOrder(order.String())
		if err != nil || again.String() != order.String() {
			t.Errorf("order %q does not survive its text: %v", test.order, err)
		}
	}
	for _, text := range []string{
		"welcome", "welcome,welcome,daily,subscription,promo,package", ",", "Welcome",
		"welcome,daily,subscription,compensation,promo,package,gold",
	} {
		if _, err := ParseOrder(text); err == nil {
			t.Errorf("order %q is accepted", text)
		}
	}
}
