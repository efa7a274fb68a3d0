package crashes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/client"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// trace is what a build leaves behind that must not depend on crashes.
type trace struct {
	// state, tree and charge are the build's end: the Merkle root of its files and
	// the number of its charges.
	state, tree string
	charges     int64
	// text is what the assistant said, files the events of files and calls the
	// recorded model calls, both sorted.
	text         string
	files, calls []string
}

// tracesOf reads what a build left, and checks its log on the way.
func (w *world) traceOf(t *testing.T, c *client.Client, id string) *trace {
	t.Helper()
	tr := &trace{}
	conn := w.query(t)
	err := conn.QueryRow(t.Context(), `
		SELECT b.state, coalesce(encode(v.root, 'hex'), ''),
		       (SELECT count(*) FROM journal j WHERE j.hold_id = b.hold_id AND j.kind IN ('commit', 'late_commit', 'release', 'expire'))
		FROM builds b LEFT JOIN versions v ON v.id = b.version_id WHERE b.id = $1`, id).Scan(&tr.state, &tr.tree, &tr.charges)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `SELECT key FROM model_calls WHERE build_id = $1 AND NOT failed ORDER BY key`, id)
	if err != nil {
		t.Fatal(err)
	}
	if tr.calls, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	events, err := c.Events.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: id, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tr.read(t, events.GetEvents())
	return tr
}

// read folds a log and checks that it is gapless and ends once.
func (tr *trace) read(t *testing.T, events []*eventv1.BuildEvent) {
	t.Helper()
	var text strings.Builder
	for i, e := range events {
		if e.GetSeq() != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.GetSeq())
		}
		if last := e.GetBuildCompleted() != nil || e.GetBuildFailed() != nil || e.GetBuildCancelled() != nil; last != (i == len(events)-1) {
			t.Fatalf("event %d of %d: %v", i+1, len(events), e)
		}
		text.WriteString(e.GetAssistantText().GetDelta())
		if f := e.GetFileChanged(); f != nil {
			tr.files = append(tr.files, fmt.Sprintf("%s %s", f.GetPath(), f.GetSha256()))
		}
	}
	tr.text = text.String()
	slices.Sort(tr.files)
}

// same fails unless two traces of complete builds are.
func (tr *trace) same(t *testing.T, want *trace) {
	t.Helper()
	if tr.state != want.state || tr.tree != want.tree || tr.charges != 1 {
		t.Errorf("the build is %s with the tree %s and %d charges, want %s, %s and one", tr.state, tr.tree, tr.charges, want.state, want.tree)
	}
	if tr.text != want.text {
		t.Errorf("the assistant said %q, want %q", tr.text, want.text)
	}
	if !slices.Equal(tr.files, want.files) {
		t.Errorf("files %v, want %v", tr.files, want.files)
	}
	if !slices.Equal(tr.calls, want.calls) {
		t.Errorf("model calls %v, want %v", tr.calls, want.calls)
	}
}

// settled checks what holds in a world in which nothing runs any more.
func (w *world) settled(t *testing.T) {
	t.Helper()
	for what, sql := range map[string]string{
		"builds that did not end":          `SELECT count(*) FROM builds WHERE end_time IS NULL`,
		"holds that are open":              `SELECT count(*) FROM hold WHERE state = 'open'`,
		"accounts with seconds held":       `SELECT count(*) FROM account WHERE held_seconds <> 0`,
		"builds that were charged twice":   `SELECT count(*) FROM (SELECT hold_id FROM journal WHERE kind IN ('commit', 'late_commit') GROUP BY hold_id HAVING count(*) > 1) AS twice`,
		"charges that are not the build's": `SELECT count(*) FROM builds b WHERE charged_seconds <> (SELECT coalesce(sum(consumed_delta), 0) FROM journal j WHERE j.hold_id = b.hold_id)`,
		"holes in logs":                    `SELECT count(*) FROM builds b WHERE head_seq <> (SELECT count(*) FROM build_events e WHERE e.build_id = b.id AND e.seq > 0)`,
		"logs without one last event":      `SELECT count(*) FROM builds b WHERE 1 <> (SELECT count(*) FROM build_events e WHERE e.build_id = b.id AND e.kind IN (23, 24, 25))`,
		"calls that were recorded twice":   `SELECT count(*) FROM (SELECT build_id, key FROM model_calls WHERE NOT failed GROUP BY build_id, key HAVING count(*) > 1) AS twice`,
		"holds without a build":            `SELECT count(*) FROM hold h WHERE NOT EXISTS (SELECT FROM builds b WHERE b.hold_id = h.id)`,
	} {
		if n := w.number(t, sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
