package event

// ties is what a link knows of its channels: which it should hear, what it has
// asked the server for and what the server has answered. It is not safe for
// concurrent use.
type ties struct {
	wanted map[string]struct{}
	asked  map[string]*tie
	// changed are channels for which there may be something to ask.
	changed map[string]struct{}
}

// tie is the state of a channel on the present connection. One that is absent is
// not subscribed and nothing is under way.
type tie struct {
	// on says whether the last question was to subscribe.
	on bool
	// pending is the number of questions without an answer. The answers come in
	// order, so the state is certain when there are none.
	pending int
	// late says that an answer was missing at the last look already.
	late bool
}

type tieOutcome int

const (
	tieUnchanged tieOutcome = iota
	// tieConfirmed says that the channel is heard now.
	tieConfirmed
	// tieChanged says that there may be something to ask for: the server has ended
	// a subscription by itself, as it does when a slot moves, or began one too late.
	tieChanged
)

func newTies() ties {
	return ties{
		wanted: make(map[string]struct{}), asked: make(map[string]*tie),
		changed: make(map[string]struct{}),
	}
}

// want reports whether the channel is heard already, and whether there is
// something to ask.
func (t *ties) want(name string) (confirmed, changed bool) {
	if _, ok := t.wanted[name]; !ok {
		t.wanted[name] = struct{}{}
		t.changed[name] = struct{}{}
		changed = true
	}
	state := t.asked[name]
	return state != nil && state.on && state.pending == 0, changed
}

func (t *ties) drop(name string) {
	delete(t.wanted, name)
	t.changed[name] = struct{}{}
}

// due returns what to ask for, and takes it as asked.
func (t *ties) due() (subscribe, unsubscribe []string) {
	for name := range t.changed {
		_, wanted := t.wanted[name]
		state := t.asked[name]
		switch {
		case wanted && state == nil:
			t.asked[name] = &tie{on: true, pending: 1}
			subscribe = append(subscribe, name)
		case state != nil && state.on != wanted:
			state.on = wanted
			state.pending++
			if wanted {
				subscribe = append(subscribe, name)
			} else {
				unsubscribe = append(unsubscribe, name)
			}
		}
	}
	clear(t.changed)
	return subscribe, unsubscribe
}

// acknowledge takes an answer of the server.
func (t *ties) acknowledge(name string, subscribed bool) tieOutcome {
	state := t.asked[name]
	if state == nil {
		state = &tie{}
		t.asked[name] = state
	}
	if state.pending == 0 {
		return t.surprise(name, state, subscribed)
	}
	state.late = false
	switch {
	case state.pending > 1:
		state.pending--
		return tieUnchanged
	case subscribed != state.on:
		return tieUnchanged // It answers what was asked before and given up.
	case !subscribed:
		delete(t.asked, name)
		return tieUnchanged
	}
	state.pending = 0
	return tieConfirmed
}

// surprise takes an answer that nobody waits for: one that comes too late, or the
// server's own decision.
func (t *ties) surprise(name string, state *tie, subscribed bool) tieOutcome {
	repeated := subscribed == state.on
	state.on = subscribed
	_, wanted := t.wanted[name]
	switch {
	case repeated && subscribed:
		return tieUnchanged
	case subscribed && wanted:
		return tieConfirmed
	case !subscribed:
		delete(t.asked, name)
	}
	if repeated {
		return tieUnchanged
	}
	t.changed[name] = struct{}{}
	return tieChanged
}

// repeat has everything asked again that got no answer since the last call: it is
// taken for refused. A server refuses to end only what it does not have.
func (t *ties) repeat() {
	for name, state := range t.asked {
		if state.pending == 0 {
			continue
		}
		if !state.late {
			state.late = true
			continue
		}
		delete(t.asked, name)
		t.changed[name] = struct{}{}
	}
}

// reset forgets the connection: everything wanted has to be asked for.
func (t *ties) reset() {
	clear(t.asked)
	clear(t.changed)
	for name := range t.wanted {
		t.changed[name] = struct{}{}
	}
}
