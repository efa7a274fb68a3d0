package recommend

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store"
)

// View is what a user sees of a build's lists.
type View struct {
	// State is ready as soon as one list is, else that of the newest.
	State State
	// Ready is the number of the newest list that is ready, Pending of the one in the
	// making; 0 without one.
	Ready, Pending int32
	// Reason is why the newest list was given up; empty if it was not.
	Reason Reason
	// Entries are those of the list Ready, the best first.
	Entries []*store.Recommendation
}

// History are the lists of a build, the oldest first.
type History []Known

// Known is a list as it stands.
type Known struct {
	Attempt
	// State is the stored one. An overdue list is open until somebody ends it; to
	// users it has failed.
	State State
	// Overdue says that the list is open and its deadline is over.
	Overdue bool
	// Keys are the idempotency keys that it answers; none for the build's start as
	// long as nobody asked meanwhile.
	Keys []string
	// Reason is why it failed; empty otherwise.
	Reason Reason
}

// Shown is the state as users see it: an overdue list has failed.
func (k *Known) Shown() State {
	if k.Overdue {
		return StateFailed
	}
	return k.State
}

// History reads all lists of a user's build. Another's build has none.
func (l *Lists) History(ctx context.Context, db store.DBTX, buildID, userID uuid.UUID) (History, error) {
	rows, err := l.queries.RecommendationRevisionList(ctx, db, &store.RecommendationRevisionListParams{
		BuildID: buildID, UserID: userID, PageSize: MaxRevisions,
	})
	if err != nil {
		return nil, err
	}
	history := make(History, len(rows))
	for i, row := range rows {
		state := State(row.State)
		history[i] = Known{
			Attempt: Attempt{Revision{buildID, row.Revision}, row.Attempt},
			State:   state, Overdue: row.Overdue && state.Open(),
			Keys: append(row.JoinedKeys, row.IdempotencyKey), Reason: Reason(row.FailureReason),
		}
	}
	return history, nil
}

// ByKey returns the list that a key asked for or found in the making, or nil.
func (h History) ByKey(key string) *Known {
	for i := range h {
		if key != "" && slices.Contains(h[i].Keys, key) {
			return &h[i]
		}
	}
	return nil
}

// Newest returns the newest list, or nil.
func (h History) Newest() *Known {
	if len(h) == 0 {
		return nil
	}
	return &h[len(h)-1]
}

// View reads what a user sees of a build's lists. Another's build looks like one
// without lists: who asks checks whose it is.
func (l *Lists) View(ctx context.Context, db store.DBTX, buildID, userID uuid.UUID) (View, error) {
	history, err := l.History(ctx, db, buildID, userID)
	if err != nil {
		return View{}, err
	}
	view := history.view()
	if view.Ready == 0 {
		return view, nil
	}
	// A list that is ready never changes, so it needs no transaction with its row.
	view.Entries, err = l.queries.RecommendationList(ctx, db, &store.RecommendationListParams{
		BuildID: buildID, Revision: view.Ready, UserID: userID,
	})
	return view, err
}

func (h History) view() View {
	newest := h.Newest()
	if newest == nil {
		return View{State: StateNone}
	}
	view := View{State: newest.Shown()}
	switch {
	case newest.Overdue:
		view.Reason = ReasonDeadline
	case newest.State == StateFailed:
		view.Reason = newest.Reason
	case newest.State.Open():
		view.Pending = newest.Revision.Number
	}
	for _, list := range slices.Backward(h) {
		if list.State == StateReady {
			view.State, view.Ready = StateReady, list.Revision.Number
			break
		}
	}
	return view
}
