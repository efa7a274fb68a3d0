package offline

import (
	"slices"
	"strings"
)

// span is an opening time on a range of days, 0 is Monday.
type span struct {
	from, to    int
	open, close string
}

// hours are the opening times by business; nil for one that has none.
func hoursOf(business string) []span {
	switch business {
	case "salon":
		return []span{{1, 4, "09:00", "19:00"}, {5, 5, "09:00", "17:00"}}
	case "restaurant":
		return []span{{1, 3, "12:00", "22:30"}, {4, 5, "12:00", "23:30"}, {6, 6, "11:00", "16:00"}}
	case "shop":
		return []span{{0, 4, "10:00", "19:00"}, {5, 5, "10:00", "18:00"}}
	case "medical":
		return []span{{0, 3, "08:00", "18:30"}, {4, 4, "08:00", "16:00"}, {5, 5, "09:00", "12:30"}}
	case "gym":
		return []span{{0, 4, "06:00", "22:00"}, {5, 6, "08:00", "20:00"}}
	case "event", "blog", "saas":
		return nil
	}
	return []span{{0, 4, "09:00", "18:00"}}
}

const week = 7

// hourRow is a line of a table of opening times.
type hourRow struct {
	Days, Times string
	Closed      bool
}

// local returns the day on which what happens on day d in Europe happens here.
// Where the rest is on Friday, a week with one day of rest loses that day, and one
// with two loses Saturday too.
func (r region) local(d int, spans []span) int {
	const saturday, sunday = 5, 6
	shift := 0
	if r.restFriday {
		shift = week - 1
		if isOpen(spans, saturday) && !isOpen(spans, sunday) {
			shift--
		}
	}
	return (d + shift) % week
}

func isOpen(spans []span, day int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= day && day <= s.to })
}

// hourRows writes spans, and the days after them as closed, in the order of the
// local week.
func (r region) hourRows(spans []span, days []string, closed, language string) []hourRow {
	var rows []hourRow
	for _, s := range spans {
		rows = append(rows, hourRow{
			Days:  dayRange(days[r.local(s.from, spans)], days[r.local(s.to, spans)], language),
			Times: r.times(s, language),
		})
	}
	if shut := r.rest(spans, days); len(shut) > 0 {
		rows = append(rows, hourRow{Days: dayRange(shut[0], shut[len(shut)-1], language), Times: closed, Closed: true})
	}
	return rows
}

// rest returns the days without opening, which follow each other after the last
// span.
func (r region) rest(spans []span, days []string) []string {
	var out []string
	for d := range week {
		day := (spans[len(spans)-1].to + 1 + d) % week
		if !isOpen(spans, day) {
			out = append(out, days[r.local(day, spans)])
		}
	}
	return out
}

// dayRange writes the days of a span: "Tuesday – Friday", "Mardi – vendredi",
// "Dienstag–Freitag".
func dayRange(from, to, language string) string {
	switch {
	case from == to:
		return from
	case language == "de":
		return from + "–" + to
	case language == "fr", language == "es":
		return from + " – " + strings.ToLower(to)
	}
	return from + " – " + to
}

// times writes when a span begins and ends: "9 am – 7 pm", "09:00–19:00 h",
// "9–19 Uhr".
func (r region) times(s span, language string) string {
	from, to := r.clock(s.open, language), r.clock(s.close, language)
	if language != "de" && language != "es" {
		return from + " – " + to
	}
	start, unit, _ := strings.Cut(from, nbsp)
	end, _, _ := strings.Cut(to, nbsp)
	if strings.Contains(start, ":") != strings.Contains(end, ":") {
		start, end = withMinutes(start), withMinutes(end)
	}
	return start + "–" + end + nbsp + unit
}

// withMinutes makes "9" look like its neighbor "18:30".
func withMinutes(hour string) string {
	if strings.Contains(hour, ":") {
		return hour
	}
	return hour + ":00"
}

// closedDays returns the days without opening as JavaScript counts them, 0 is
// Sunday.
func (r region) closedDays(spans []span) []int {
	out := []int{}
	for d := range week {
		if !isOpen(spans, d) {
			out = append(out, (r.local(d, spans)+1)%week)
		}
	}
	slices.Sort(out)
	return out
}

// slots are the times that a booking form offers.
func slotsOf(business string) []string {
	switch business {
	case "restaurant":
		return []string{"12:00", "12:30", "13:00", "13:30", "19:00", "19:30", "20:00", "20:30", "21:00"}
	case "medical":
		return []string{"08:30", "09:15", "10:00", "10:45", "11:30", "14:00", "14:45", "15:30"}
	case "gym":
		return []string{"07:00", "09:30", "12:15", "17:30", "18:30", "19:30"}
	}
	return []string{"09:30", "10:30", "11:30", "13:00", "14:00", "15:00", "16:00"}
}
