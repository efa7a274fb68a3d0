package faults

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// faultless are queries that find nothing if all is well.
var faultless = []struct{ what, query string }{
	{
		"builds that did not end",
		`SELECT id FROM builds WHERE state NOT IN ('complete', 'failed', 'cancelled')`,
	},
	{
		"builds that were charged twice",
		`SELECT build_id FROM journal WHERE kind IN ('commit', 'late_commit') GROUP BY build_id HAVING count(*) > 1`,
	},
	{
		"builds whose charge is not what was consumed",
		`SELECT b.id FROM builds b LEFT JOIN journal j ON j.build_id = b.id
		 GROUP BY b.id HAVING b.charged_seconds <> coalesce(sum(j.consumed_delta), 0)`,
	},
	{"holds that are still open", `SELECT id FROM hold WHERE state = 'open'`},
	{"accounts with seconds held", `SELECT id FROM account WHERE held_seconds <> 0`},
	{"grants with seconds held", `SELECT id FROM credit_grant WHERE held_seconds <> 0`},
	{
		"builds with holes in their log, or without exactly one last event",
		`SELECT b.id FROM builds b LEFT JOIN build_events e ON e.build_id = b.id AND e.seq > 0
		 GROUP BY b.id
		 HAVING count(e.seq) <> b.head_seq OR min(e.seq) <> 1 OR max(e.seq) <> b.head_seq
		     OR count(*) FILTER (WHERE e.kind IN (23, 24, 25)) <> 1`,
	},
}

// audit asks the store whether it agrees with what the followers saw.
func audit(t *testing.T, db *postgres, builds []*build) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.url(db.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, check := range faultless {
		rows, err := conn.Query(t.Context(), "SELECT id::text FROM ("+check.query+") AS wrong (id)")
		if err != nil {
			t.Fatalf("%s: %v", check.what, err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", check.what, err)
		}
		if len(found) > 0 {
			t.Errorf("%s: %s", check.what, strings.Join(found, " "))
		}
	}
	var stored int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM builds`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if stored != len(builds) {
		t.Errorf("%d builds were started, but %d are stored", len(builds), stored)
	}
	for _, b := range builds {
		auditBuild(t, conn, b)
	}
	var still float64
	if err := conn.QueryRow(t.Context(), longestRest).Scan(&still); err != nil {
		t.Fatal(err)
	}
	t.Logf("the longest that a build stood still between two events: %.1f s", still)
}

// longestRest includes what a build waits for its next worker.
const longestRest = `SELECT coalesce(max(extract(epoch FROM rest)), 0)::float8
	FROM (SELECT create_time - lag(create_time) OVER (PARTITION BY build_id ORDER BY seq) FROM build_events WHERE seq > 0) AS e (rest)`

// auditBuild compares a build's row with what its followers saw.
func auditBuild(t *testing.T, conn *pgx.Conn, b *build) {
	t.Helper()
	var head, charged int64
	var state string
	err := conn.QueryRow(t.Context(), `SELECT head_seq, charged_seconds, state FROM builds WHERE id = $1`, b.id).Scan(&head, &charged, &state)
	if err != nil {
		t.Errorf("build %s: %v", b.id, err)
		return
	}
	heard, end := b.heard()
	if int64(heard) != head {
		t.Errorf("build %s has %d events, its followers got %d", b.id, head, heard)
	}
	told, how := ending(end)
	if told != charged || how != state {
		t.Errorf("build %s is %s for %d s, its followers heard %s for %d s", b.id, state, charged, how, told)
	}
}

// ending is what a build's last event says.
func ending(e *eventv1.BuildEvent) (charged int64, state string) {
	switch p := e.GetPayload().(type) {
	case *eventv1.BuildEvent_BuildCompleted:
		return p.BuildCompleted.GetReceipt().GetChargedSeconds(), "complete"
	case *eventv1.BuildEvent_BuildFailed:
		return p.BuildFailed.GetReceipt().GetChargedSeconds(), "failed"
	case *eventv1.BuildEvent_BuildCancelled:
		return p.BuildCancelled.GetReceipt().GetChargedSeconds(), "cancelled"
	default:
		return 0, "nothing"
	}
}
