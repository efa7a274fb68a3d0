package meter

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// Each midnight is the first instant of the next local date, also where the
// clocks skip it or show it twice.
func TestNextMidnight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ zone, now, want string }{
		{"UTC", "2026-03-01T12:00:00Z", "2026-03-02T00:00:00Z"},
		{"UTC", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"},
		{"Europe/Paris", "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z"},
		{"America/Los_Angeles", "2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-05T13:30:00Z"},
		{"Pacific/Kiritimati", "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"},
		{"America/Santiago", "2024-09-07T20:00:00Z", "2024-09-08T04:00:00Z"},
		{"Asia/Beirut", "2024-03-30T12:00:00Z", "2024-03-30T22:00:00Z"},
		{"America/Havana", "2024-11-02T12:00:00Z", "2024-11-03T04:00:00Z"},
		{"Asia/Amman", "2021-10-28T12:00:00Z", "2021-10-28T21:00:00Z"},
		{"America/Havana", "2024-11-03T04:30:00Z", "2024-11-04T05:00:00Z"},
		{"America/Havana", "2024-11-03T05:30:00Z", "2024-11-04T05:00:00Z"},
	} {
		loc, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		got := nextMidnight(at(t, test.now), loc)
		if !got.Equal(at(t, test.want)) {
			t.Errorf("%s at %s: %s, want %s", test.zone, test.now, got.Format(time.RFC3339), test.want)
		}
	}
}

// Every half hour of four years, the next midnight is ahead, is in the next
// date, and the instant before it is not.
func TestNextMidnightOverYears(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "America/Havana", "Asia/Beirut", "Asia/Amman"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		end := at(t, "2025-01-01T00:00:00Z")
		for now := at(t, "2021-01-01T00:00:00Z"); now.Before(end); now = now.Add(30 * time.Minute) {
			midnight := nextMidnight(now, loc)
			today := dayOf(now, loc)
			if !midnight.After(now) || !dayOf(midnight, loc).Equal(today.AddDate(0, 0, 1)) ||
				!dayOf(midnight.Add(-time.Microsecond), loc).Equal(today) {
				t.Fatalf("%s at %s: %s", zone, now, midnight)
			}
		}
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}
