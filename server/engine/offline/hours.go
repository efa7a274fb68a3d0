package offline

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
func (r region) local(d int) int {
	const fridayShift = 5
	if r.restFriday {
		return (d + fridayShift) % week
	}
	return d
}

// hourRows writes spans, and the days between them as closed, in the order of
// the local week.
func (r region) hourRows(spans []span, days []string, closed, language string) []hourRow {
	var rows []hourRow
	open := [week]bool{}
	for _, s := range spans {
		for d := s.from; d <= s.to; d++ {
			open[d] = true
		}
		rows = append(rows, hourRow{
			Days:  dayRange(days, r.local(s.from), r.local(s.to)),
			Times: r.clock(s.open, language) + " – " + r.clock(s.close, language),
		})
	}
	for d := range week {
		if !open[d] {
			rows = append(rows, hourRow{Days: days[r.local(d)], Times: closed, Closed: true})
		}
	}
	return rows
}

func dayRange(days []string, from, to int) string {
	if from == to {
		return days[from]
	}
	return days[from] + " – " + days[to]
}

// closedDays returns the days without opening as JavaScript counts them, 0 is
// Sunday.
func (r region) closedDays(spans []span) []int {
	open := [week]bool{}
	for _, s := range spans {
		for d := s.from; d <= s.to; d++ {
			open[(r.local(d)+1)%week] = true
		}
	}
	out := []int{}
	for d, isOpen := range open {
		if !isOpen {
			out = append(out, d)
		}
	}
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
