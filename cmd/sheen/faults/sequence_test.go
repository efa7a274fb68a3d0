package faults

import (
	"testing"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// sequence checks that events come as they were numbered.
type sequence struct {
	last  int64
	ended bool

	gaps, duplicates, reorders int
}

// take notes the next event and says what is wrong with it; "" is nothing.
func (s *sequence) take(e *eventv1.BuildEvent) string {
	seq := e.GetSeq()
	wrong := ""
	switch {
	case s.ended:
		s.duplicates++
		wrong = "an event after the last one"
	case seq == s.last:
		s.duplicates++
		wrong = "a duplicate"
	case seq < s.last:
		s.reorders++
		wrong = "an event out of order"
	case seq > s.last+1:
		s.gaps++
		wrong = "a gap"
	}
	s.last, s.ended = max(s.last, seq), s.ended || isTerminal(e)
	return wrong
}

func TestSequenceSeesEveryFault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                       string
		seqs                       []int64
		gaps, duplicates, reorders int
	}{
		{name: "as they should be", seqs: []int64{1, 2, 3}},
		{name: "the first is missing", seqs: []int64{2, 3}, gaps: 1},
		{name: "a gap", seqs: []int64{1, 4, 5}, gaps: 1},
		{name: "a duplicate", seqs: []int64{1, 2, 2, 3}, duplicates: 1},
		{name: "out of order", seqs: []int64{1, 3, 2, 4}, gaps: 1, reorders: 1},
		{name: "after the last", seqs: []int64{1, -2, 3}, duplicates: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var s sequence
			for _, seq := range test.seqs {
				e := &eventv1.BuildEvent{Seq: max(seq, -seq)}
				if seq < 0 {
					e.Payload = &eventv1.BuildEvent_BuildCompleted{BuildCompleted: &eventv1.BuildCompleted{}}
				}
				s.take(e)
			}
			if s.gaps != test.gaps || s.duplicates != test.duplicates || s.reorders != test.reorders {
				t.Errorf("%+v", s)
			}
		})
	}
}
