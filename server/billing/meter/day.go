package meter

import "time"

// dayOf returns the calendar day of t in loc, as midnight UTC of that date.
func dayOf(t time.Time, loc *time.Location) time.Time {
	year, month, day := t.In(loc).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// nextMidnight returns the first instant of the day after t's in loc. Where the
// clocks skip midnight, that is the end of the gap; where they show midnight
// twice, the first of the two.
func nextMidnight(t time.Time, loc *time.Location) time.Time {
	next := dayOf(t, loc).AddDate(0, 0, 1)
	year, month, day := next.Date()
	guess := time.Date(year, month, day, 0, 0, 0, 0, loc)
	start, end := guess.ZoneBounds()
	if dayOf(guess, loc).Before(next) {
		return end.UTC()
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Nanosecond).Zone()
		first := next.Add(-time.Duration(before) * time.Second)
		if first.Before(start) && first.Before(guess) && dayOf(first, loc).Equal(next) {
			return first
		}
	}
	return guess.UTC()
}
