package event

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// tieServer answers questions in order, some time later.
type tieServer struct {
	subscribed map[string]bool
	inFlight   []tieQuestion
}

type tieQuestion struct {
	name string
	on   bool
}

func (s *tieServer) ask(subscribe, unsubscribe []string) {
	for _, name := range unsubscribe {
		s.inFlight = append(s.inFlight, tieQuestion{name, false})
	}
	for _, name := range subscribe {
		s.inFlight = append(s.inFlight, tieQuestion{name, true})
	}
}

// answer carries out the oldest question, or refuses, which gives no answer that
// has a name. What is subscribed can always be ended.
func (s *tieServer) answer(t *ties, refuse bool) (name string, outcome tieOutcome) {
	q := s.inFlight[0]
	s.inFlight = s.inFlight[1:]
	if refuse && (q.on || !s.subscribed[q.name]) {
		return q.name, tieUnchanged
	}
	if s.subscribed[q.name] = q.on; !q.on {
		delete(s.subscribed, q.name)
	}
	return q.name, t.acknowledge(q.name, q.on)
}

// Whatever happens, a link ends up with exactly the channels that are wanted, and
// never says of one that it is heard while it is not.
func TestTiesEndWhereTheyShould(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		known, server := newTies(), &tieServer{subscribed: make(map[string]bool)}
		wanted := make(map[string]bool)
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		answer := func(refuse bool) {
			name, outcome := server.answer(&known, refuse)
			if outcome == tieConfirmed && !server.subscribed[name] {
				rt.Fatalf("%s is confirmed and not heard", name)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"want": func(rt *rapid.T) {
				name := names.Draw(rt, "name")
				wanted[name] = true
				known.want(name)
			},
			"drop": func(rt *rapid.T) {
				name := names.Draw(rt, "name")
				delete(wanted, name)
				known.drop(name)
			},
			"ask": func(*rapid.T) { server.ask(known.due()) },
			"answer": func(rt *rapid.T) {
				if len(server.inFlight) > 0 {
					answer(rapid.IntRange(0, 9).Draw(rt, "luck") == 0)
				}
			},
			"cut": func(rt *rapid.T) {
				name := names.Draw(rt, "name")
				if server.subscribed[name] && len(server.inFlight) == 0 {
					delete(server.subscribed, name)
					known.acknowledge(name, false)
				}
			},
			"tick": func(*rapid.T) { known.repeat() },
			"reconnect": func(*rapid.T) {
				*server = tieServer{subscribed: make(map[string]bool)}
				known.reset()
			},
		})
		for range 4 {
			server.ask(known.due())
			for len(server.inFlight) > 0 {
				answer(false)
			}
			known.repeat()
			known.repeat()
		}
		got, want := slices.Sorted(maps.Keys(server.subscribed)), slices.Sorted(maps.Keys(wanted))
		if !slices.Equal(got, want) {
			rt.Fatalf("hears %v, wanted %v", got, want)
		}
		if len(known.asked) != len(wanted) || len(known.changed) != 0 {
			rt.Fatalf("remembers %d and %d channels for %d wanted", len(known.asked), len(known.changed), len(wanted))
		}
		for name := range wanted {
			if confirmed, changed := known.want(name); !confirmed || changed {
				rt.Fatalf("%s is not confirmed", name)
			}
		}
	})
}
