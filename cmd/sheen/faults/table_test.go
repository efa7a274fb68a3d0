package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	// slow deliveries are remembered one by one; the others' delay counts as it is.
	slow = 500 * time.Millisecond
	// silenceLimit is how long a follower may wait for an event that is stored,
	// beyond a fault that stops everything.
	silenceLimit = 2 * time.Second
	// shown is how many of the things that were wrong are told.
	shown = 30
)

// table is what happened, in one row per fault. It is safe for concurrent use.
type table struct {
	mu       sync.Mutex
	rows     []*row
	outages  []span
	late     []delivery
	wrong    []string
	refusals map[string]int
}

// row is what happened from a fault on until the next one.
type row struct {
	name                       string
	from, to                   time.Time
	fired                      int
	note                       string
	builds                     map[string]bool
	followers                  map[*follower]bool
	events, deliveries         int
	gaps, duplicates, reorders int
	// raw is the worst delay as it was, beyond the worst without outages.
	raw, beyond time.Duration
}

// span is a time in which nothing could be delivered.
type span struct{ from, to time.Time }

// delivery is one event's way to one follower.
type delivery struct {
	row           *row
	to            *follower
	seq           int64
	ready, arrive time.Time
}

// beyond is how long a delivery took, without the outages that fell into it.
func (d delivery) beyond(outages []span) time.Duration {
	left := d.arrive.Sub(d.ready)
	for _, o := range outages {
		from, to := later(o.from, d.ready), o.to
		if to.After(d.arrive) {
			to = d.arrive
		}
		left -= max(0, to.Sub(from))
	}
	return left
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// begin opens the row of a fault and returns its number.
func (tb *table) begin(name string) int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	now := time.Now()
	if n := len(tb.rows); n > 0 {
		tb.rows[n-1].to = now
	}
	tb.rows = append(tb.rows, &row{name: name, from: now, builds: map[string]bool{}, followers: map[*follower]bool{}})
	return len(tb.rows) - 1
}

// set says what a fault came to.
func (tb *table) set(number, fired int, note string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows[number].fired, tb.rows[number].note = fired, note
}

// outage notes a time in which nothing could be delivered.
func (tb *table) outage(from, to time.Time) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.outages = append(tb.outages, span{from, to})
}

// violation notes that a promise was broken.
func (tb *table) violation(format string, args ...any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.wrong = append(tb.wrong, fmt.Sprintf(format, args...))
}

// refused notes an error that a client may get while a store or node is away.
func (tb *table) refused(what string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.refusals == nil {
		tb.refusals = map[string]int{}
	}
	tb.refusals[what]++
}

// delivered notes an event's arrival; first is set for the first follower's.
func (tb *table) delivered(f *follower, ready time.Time, seq int64, first bool, seen sequence) {
	now := time.Now()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	r := tb.rows[len(tb.rows)-1]
	r.builds[f.build.id], r.followers[f] = true, true
	r.deliveries++
	if first {
		r.events++
	}
	r.gaps += seen.gaps
	r.duplicates += seen.duplicates
	r.reorders += seen.reorders
	delay := now.Sub(ready)
	r.raw = max(r.raw, delay)
	if delay > slow {
		tb.late = append(tb.late, delivery{row: r, to: f, seq: seq, ready: ready, arrive: now})
		return
	}
	r.beyond = max(r.beyond, delay)
}

// check prints the table and fails the test for all that was wrong.
func (tb *table) check(t *testing.T) {
	t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows[len(tb.rows)-1].to = time.Now()
	tb.judgeSilence()
	for _, r := range tb.rows {
		if r.fired == 0 {
			tb.wrong = append(tb.wrong, "the fault never fired: "+r.name)
		}
		if r.events == 0 {
			tb.wrong = append(tb.wrong, "nothing happened that could go wrong: "+r.name)
		}
	}
	t.Log(tb.String())
	for _, what := range tb.wrong[:min(len(tb.wrong), shown)] {
		t.Error(what)
	}
	if more := len(tb.wrong) - shown; more > 0 {
		t.Errorf("and %d more", more)
	}
}

// judgeSilence finds each follower's longest silence, now that all outages are
// known.
func (tb *table) judgeSilence() {
	worst := make(map[*follower]delivery)
	for _, d := range tb.late {
		d.row.beyond = max(d.row.beyond, d.beyond(tb.outages))
		if before, ok := worst[d.to]; !ok || d.beyond(tb.outages) > before.beyond(tb.outages) {
			worst[d.to] = d
		}
	}
	for f, d := range worst {
		if beyond := d.beyond(tb.outages); beyond > silenceLimit {
			tb.wrong = append(tb.wrong, fmt.Sprintf("%v of silence (%v with the fault) after %q: %s of build %s, event %d, from %s on%s",
				beyond.Round(time.Millisecond), d.arrive.Sub(d.ready).Round(time.Millisecond), d.row.name, f.name, f.build.id, d.seq, d.ready.Local().Format("05.000"), strings.Join(append([]string{""}, f.trail...), "\n\t")))
		}
	}
}

// String is the table as a reader wants it. The caller holds the lock.
func (tb *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\tfired\tbuilds\tevents\tper second\tfollowers\tdeliveries\tgaps\tduplicates\treorders\tworst\tbeyond\t")
	for _, r := range tb.rows {
		rate := float64(r.events) / r.to.Sub(r.from).Seconds()
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.0f\t%d\t%d\t%d\t%d\t%d\t%v\t%v\t  %s\n", r.name, r.fired, len(r.builds), r.events, rate,
			len(r.followers), r.deliveries, r.gaps, r.duplicates, r.reorders,
			r.raw.Round(time.Millisecond), r.beyond.Round(time.Millisecond), r.note)
	}
	_ = w.Flush() // into memory
	b.WriteString("errors that were hidden or repeated:")
	for _, what := range slices.Sorted(maps.Keys(tb.refusals)) {
		fmt.Fprintf(&b, " %s ×%d", what, tb.refusals[what])
	}
	return "\n" + b.String()
}

func TestDelayBeyondOutages(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	outages := []span{{at(10), at(15)}, {at(20), at(21)}}
	for _, test := range []struct{ ready, arrive, want int }{
		{0, 3, 3}, {8, 10, 2}, {8, 12, 2}, {11, 14, 0}, {11, 16, 1}, {8, 23, 9}, {30, 31, 1},
	} {
		d := delivery{ready: at(test.ready), arrive: at(test.arrive)}
		if got := d.beyond(outages); got != time.Duration(test.want)*time.Second {
			t.Errorf("from %d to %d: %v, want %d s", test.ready, test.arrive, got, test.want)
		}
	}
}
