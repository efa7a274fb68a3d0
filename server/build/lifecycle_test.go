package build_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/store"
)

// drawn is the table of transitions as the documentation draws it: a line per
// state, what it may become behind the arrow.
const drawn = `
queued    → planning failed cancelled
planning  → coding failed cancelled
coding    → testing failed cancelled
testing   → fixing deploying failed cancelled
fixing    → testing failed cancelled
deploying → complete failed cancelled
complete  →
failed    →
cancelled →
`

// drawing reads the table.
func drawing(t *testing.T) map[build.State][]build.State {
	t.Helper()
	table := map[build.State][]build.State{}
	for line := range strings.Lines(strings.TrimSpace(drawn)) {
		from, to, ok := strings.Cut(line, "→")
		if !ok {
			t.Fatalf("not a line of the table: %q", line)
		}
		next := []build.State{}
		for s := range strings.FieldsSeq(to) {
			next = append(next, build.State(s))
		}
		table[build.State(strings.TrimSpace(from))] = next
	}
	return table
}

func TestLifecycleIsTheDrawnOne(t *testing.T) {
	t.Parallel()
	table := drawing(t)
	if len(table) != len(build.States()) {
		t.Errorf("%d states are drawn, there are %d", len(table), len(build.States()))
	}
	for _, from := range build.States() {
		for _, to := range build.States() {
			if want := slices.Contains(table[from], to); from.CanBecome(to) != want {
				t.Errorf("%s may become %s: %v", from, to, !want)
			}
		}
		if from.Final() != (len(table[from]) == 0) {
			t.Errorf("%s is final: %v", from, from.Final())
		}
	}
	if build.State("").CanBecome(build.Queued) || build.Queued.CanBecome("") {
		t.Error("an unknown state takes part")
	}
}

func TestGetLifecycleServesTheTable(t *testing.T) {
	t.Parallel()
	res, err := new(build.Service).GetLifecycle(t.Context(), &buildv1.GetLifecycleRequest{})
	must(t, err)
	got := map[build.State][]build.State{}
	for _, s := range res.GetStates() {
		name := stateName(s.GetState())
		got[name] = []build.State{}
		if s.GetFinal() != name.Final() {
			t.Errorf("%s is served as final: %v", name, s.GetFinal())
		}
	}
	for _, transition := range res.GetTransitions() {
		from := stateName(transition.GetFrom())
		got[from] = append(got[from], stateName(transition.GetTo()))
	}
	table := drawing(t)
	for from, next := range table {
		slices.Sort(next)
		slices.Sort(got[from])
		if !slices.Equal(got[from], next) {
			t.Errorf("%s may become %v, served is %v", from, next, got[from])
		}
	}
	if len(got) != len(table) || res.GetMaxFixAttempts() != 3 {
		t.Errorf("served %d states and %d attempts", len(got), res.GetMaxFixAttempts())
	}
}

func stateName(s buildv1.BuildState) build.State {
	return build.State(strings.ToLower(strings.TrimPrefix(s.String(), "BUILD_STATE_")))
}

// Every enum value but UNSPECIFIED is a state.
func TestEveryStateHasAnEnumValue(t *testing.T) {
	t.Parallel()
	for value, name := range buildv1.BuildState_name {
		state := stateName(buildv1.BuildState(value))
		if slices.Contains(build.States(), state) != (value != 0) {
			t.Errorf("%s has no state", name)
		}
	}
}

// put forces a build into a state, past all rules.
func (b *testBundle) put(id string, s build.State) {
	b.t.Helper()
	b.exec(`UPDATE builds SET state = $2, lease_token = 7, fix_attempt = 0,
		progress_permille = CASE WHEN $2 = 'complete' THEN 1000 ELSE 0 END,
		end_time = CASE WHEN $2 IN ('complete', 'failed', 'cancelled') THEN clock_timestamp() END,
		error_reason = CASE WHEN $2 = 'failed' THEN 'internal' END,
		error_class = CASE WHEN $2 = 'failed' THEN 'platform' END
		WHERE id = $1`, uuid.MustParse(id), string(s))
}

// In SQL, the expected state and the token guard both kinds of transitions.
func TestTransitionsAreGuardedInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	queries, id := store.New(), b.queued().GetId()
	move := func(ctx context.Context, from, to build.State, token int64) error {
		if to.Final() {
			params := &store.BuildEndIfStateParams{ID: uuid.MustParse(id), FromState: string(from), ToState: string(to), LeaseToken: token}
			if to == build.Failed {
				reason, class := "internal", "platform"
				params.ErrorReason, params.ErrorClass = &reason, &class
			}
			_, err := queries.BuildEndIfState(ctx, b.db, params)
			return err
		}
		_, err := queries.BuildTransitionIfState(ctx, b.db, &store.BuildTransitionIfStateParams{
			ID: uuid.MustParse(id), FromState: string(from), ToState: string(to), LeaseToken: token,
		})
		return err
	}
	for _, in := range build.States() {
		for _, to := range build.States() {
			b.put(id, in)
			for _, from := range build.States() {
				if from != in {
					refused(t, move(b.t.Context(), from, to, 7), "%s: %s → %s", in, from, to)
				}
			}
			for _, token := range []int64{0, 6, 8} {
				refused(t, move(b.t.Context(), in, to, token), "token %d: %s → %s", token, in, to)
			}
			if in.CanBecome(to) {
				must(t, move(b.t.Context(), in, to, 7))
				if got := b.number(`SELECT count(*) FROM builds WHERE id = $1 AND state = $2`, uuid.MustParse(id), string(to)); got != 1 {
					t.Errorf("%s did not become %s", in, to)
				}
			}
		}
	}
}

func refused(t *testing.T, err error, format string, args ...any) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf(format+": %v", append(args, err)...)
	}
}
