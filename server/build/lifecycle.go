package build

import "slices"

// State is the phase of a build, as it is stored.
type State string

// The states. The last three are final.
const (
	Queued    State = "queued"
	Planning  State = "planning"
	Coding    State = "coding"
	Testing   State = "testing"
	Fixing    State = "fixing"
	Deploying State = "deploying"
	Complete  State = "complete"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// MaxFixAttempts is how often FIXING may be entered.
const MaxFixAttempts = 3

// Transition is an allowed change of state.
type Transition struct{ From, To State }

// States are all states, in the order of a build without trouble.
func States() []State {
	return []State{Queued, Planning, Coding, Testing, Fixing, Deploying, Complete, Failed, Cancelled}
}

// Transitions are all allowed changes: the way forward, the loop of testing and
// fixing, and from every state that is not final to FAILED and CANCELLED.
func Transitions() []Transition {
	all := []Transition{
		{Queued, Planning},
		{Planning, Coding},
		{Coding, Testing},
		{Testing, Fixing},
		{Fixing, Testing},
		{Testing, Deploying},
		{Deploying, Complete},
	}
	for _, s := range States() {
		if !s.Final() {
			all = append(all, Transition{s, Failed}, Transition{s, Cancelled})
		}
	}
	return all
}

// Final reports whether no transition leaves s.
func (s State) Final() bool { return s == Complete || s == Failed || s == Cancelled }

// CanBecome reports whether a build in s may go to next.
func (s State) CanBecome(next State) bool {
	return slices.Contains(Transitions(), Transition{s, next})
}
