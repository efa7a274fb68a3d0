package recommend

import (
	"slices"
	"testing"
)

func TestTransitions(t *testing.T) {
	t.Parallel()
	legal := map[State][]State{
		StateNone:       {StateQueued, StateSkipped},
		StateQueued:     {StateGenerating, StateFailed},
		StateGenerating: {StateReady, StateQueued, StateFailed},
	}
	for _, from := range append(States(), "") {
		for _, to := range append(States(), "") {
			if got, want := from.CanBecome(to), slices.Contains(legal[from], to); got != want {
				t.Errorf("%q can become %q: %v", from, to, got)
			}
		}
		if got, want := from.Open(), from == StateQueued || from == StateGenerating; got != want {
			t.Errorf("%q is open: %v", from, got)
		}
	}
}

func TestAfterFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		attempt   int32
		retryable bool
		want      State
		why       Reason
	}{
		{1, true, StateQueued, ReasonLost},
		{1, false, StateFailed, ReasonLost},
		{2, true, StateFailed, ReasonLost},
		{2, false, StateFailed, ReasonLost},
		{3, true, StateFailed, ReasonLost},
		{2, true, StateQueued, ReasonStopped},
		{2, false, StateFailed, ReasonStopped},
	} {
		if got := afterFailure(test.attempt, test.why, test.retryable); got != test.want {
			t.Errorf("after attempt %d, retryable %v: %s", test.attempt, test.retryable, got)
		}
	}
}

func TestViewOfAHistory(t *testing.T) {
	t.Parallel()
	list := func(number int32, state State, why Reason) Known {
		return Known{Attempt: Attempt{Revision: Revision{Number: number}}, State: state, Reason: why}
	}
	overdue := func(number int32, state State) Known {
		known := list(number, state, "")
		known.Overdue = true
		return known
	}
	ready, failed := list(1, StateReady, ""), list(1, StateFailed, ReasonRefused)
	for name, test := range map[string]struct {
		history History
		want    View
	}{
		"none":                  {nil, View{State: StateNone}},
		"queued":                {History{list(1, StateQueued, "")}, View{State: StateQueued, Pending: 1}},
		"generating":            {History{list(1, StateGenerating, "")}, View{State: StateGenerating, Pending: 1}},
		"queued, overdue":       {History{overdue(1, StateQueued)}, View{State: StateFailed, Reason: ReasonDeadline}},
		"generating, overdue":   {History{overdue(1, StateGenerating)}, View{State: StateFailed, Reason: ReasonDeadline}},
		"ready":                 {History{ready}, View{State: StateReady, Ready: 1}},
		"failed":                {History{failed}, View{State: StateFailed, Reason: ReasonRefused}},
		"skipped":               {History{list(1, StateSkipped, "")}, View{State: StateSkipped}},
		"failed, queued":        {History{failed, list(2, StateQueued, "")}, View{State: StateQueued, Pending: 2}},
		"skipped, ready":        {History{list(1, StateSkipped, ""), list(2, StateReady, "")}, View{State: StateReady, Ready: 2}},
		"ready, queued":         {History{ready, list(2, StateQueued, "")}, View{State: StateReady, Ready: 1, Pending: 2}},
		"ready, generating":     {History{ready, list(2, StateGenerating, "")}, View{State: StateReady, Ready: 1, Pending: 2}},
		"ready, overdue":        {History{ready, overdue(2, StateGenerating)}, View{State: StateReady, Ready: 1, Reason: ReasonDeadline}},
		"ready, failed":         {History{ready, list(2, StateFailed, ReasonBusy)}, View{State: StateReady, Ready: 1, Reason: ReasonBusy}},
		"ready, failed, ready":  {History{ready, list(2, StateFailed, ReasonBusy), list(3, StateReady, "")}, View{State: StateReady, Ready: 3}},
		"ready, failed, queued": {History{ready, list(2, StateFailed, ReasonBusy), list(3, StateQueued, "")}, View{State: StateReady, Ready: 1, Pending: 3}},
	} {
		got := test.history.view()
		if got.State != test.want.State || got.Ready != test.want.Ready || got.Pending != test.want.Pending || got.Reason != test.want.Reason {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// Every reason is a sentence in every language, and none is a key.
func TestReasonsAreSentences(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ar", "fr", "es", "de"} {
		internal := ReasonInternal.text(tag)
		for _, why := range append(Reasons(), "a defect") {
			text := why.text(tag)
			if len(text) < 20 || text[:5] == "recom" {
				t.Errorf("%s in %s: %q", why, tag, text)
			}
			if hidden := !slices.Contains(told(), why) || why == ReasonInternal; (text == internal) != hidden {
				t.Errorf("%s in %s: %q", why, tag, text)
			}
		}
	}
	if text := Reason("").text("en"); text != "" {
		t.Errorf("no reason is %q", text)
	}
}
