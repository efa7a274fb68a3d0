package crashes

import (
	"strings"
	"syscall"
	"testing"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/crash"
)

// rowsOf is all that is stored about a build and its user, as one text. Redis and
// the blobs hold nothing that a user could tell a late write by.
const rowsOf = `
	SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (SELECT b AS row, b.id, b.project_id, b.user_id FROM builds b WHERE b.id = $1) AS b,
	LATERAL (
		SELECT 'build ' || b.row::text AS line
		UNION ALL SELECT 'event ' || e::text FROM build_events e WHERE e.build_id = b.id AND e.seq > 0
		UNION ALL SELECT 'step ' || s::text FROM build_steps s WHERE s.build_id = b.id
		UNION ALL SELECT 'file ' || f::text FROM build_files f WHERE f.build_id = b.id
		UNION ALL SELECT 'call ' || m::text FROM model_calls m WHERE m.build_id = b.id
		UNION ALL SELECT 'version ' || v::text FROM versions v WHERE v.project_id = b.project_id
		UNION ALL SELECT 'content ' || f::text FROM version_files f, versions v WHERE f.version_id = v.id AND v.project_id = b.project_id
		UNION ALL SELECT 'project ' || p::text FROM projects p WHERE p.id = b.project_id
		UNION ALL SELECT 'journal ' || j::text FROM journal j WHERE j.account_id = b.user_id
		UNION ALL SELECT 'hold ' || h::text FROM hold h WHERE h.account_id = b.user_id
		UNION ALL SELECT 'account ' || a::text FROM account a WHERE a.id = b.user_id
	) AS lines`

// TestZombie stops a node by SIGSTOP in the middle of a build, for longer than its
// lease, lets another one finish the build, and continues the first: all that it
// still wants to write is refused.
func TestZombie(t *testing.T) {
	t.Parallel()
	if testing.Short() || raced {
		t.Skip("waits for the ends of leases; the detector would not see into the nodes")
	}
	for _, point := range []string{
		crash.LeaseTaken, crash.PlanMade, crash.PlanStored, crash.FileStored, crash.Written, crash.WriteStored, crash.Tested,
		crash.VersionMade, crash.Probed,
		// With a transaction open, and its locks: Postgres ends it.
		crash.StateChanging, crash.FileNoted, crash.VersionMaking, crash.EndCharged, crash.EndWritten,
	} {
		t.Run(strings.NewReplacer(":", "", ",", "").Replace(point), func(t *testing.T) {
			t.Parallel()
			zombieAt(t, point)
		})
	}
}

func zombieAt(t *testing.T, point string) {
	t.Helper()
	d := disturb(t, "stop", point, "1")
	// The worker may be faster than the answer, which then comes late, if at all.
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = start(t.Context(), d.c, d.session)
	}()
	d.first.standsStill(t)
	d.fired(t)
	id := d.text(t, "SELECT id::text FROM builds")
	other := newDataDir(t, d.dir)
	c := d.client(t, d.start(t, other, "api,worker").address(t))
	if b := ended(t, c, id); b.GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE || b.GetAttempt() != 2 {
		t.Fatalf("the second node ended the build as %v in attempt %d", b.GetState(), b.GetAttempt())
	}
	before := d.text(t, rowsOf, id)
	d.first.signal(t, syscall.SIGCONT)
	<-answered
	// Its run ends when its first late write is refused, and says so.
	eventually(t, "the zombie noticed", func() bool { return strings.Contains(d.first.log.String(), `"msg":"run ended"`) })
	if after := d.text(t, rowsOf, id); after != before {
		t.Error("the zombie has changed what is stored")
	}
	// It goes on as a good node.
	more, err := start(t.Context(), d.c, "")
	if err != nil {
		t.Fatal(err)
	}
	ended(t, d.c, more.GetBuild().GetId())
	if after := d.number(t, `SELECT count(*) FROM build_events WHERE build_id = $1 AND seq > 0`, id); after == 0 {
		t.Error("the log is gone")
	}
	d.settled(t)
}
