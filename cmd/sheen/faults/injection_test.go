package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// injection is a fault. inject does it, waits as long as it lasts, mends it, and
// returns how often it fired.
type injection struct {
	name string
	// outage is set for a fault that stops the store, and with it everything:
	// its own time is no silence of ours.
	outage bool
	inject func(t *testing.T, w *world) (fired int, note string)
}

// injections are all faults; long is for the soak test. Builds of a node that
// was killed stand still until their leases end, so that fault comes first.
func injections(long bool) []injection {
	redisPause, lossy := 5*time.Second, 6*time.Second
	if long {
		redisPause, lossy = 30*time.Second, 30*time.Second
	}
	return []injection{
		{name: "node killed", inject: killNode},
		{name: "1 % of publications lost", inject: func(t *testing.T, w *world) (int, string) { return losePublications(t, w, lossy) }},
		{name: "FLUSHALL", inject: flush},
		{name: "rolling restart", inject: rollNodes},
		{name: "Redis killed", inject: killRedis},
		{name: "Postgres restarted", outage: true, inject: restartPostgres},
		{name: fmt.Sprintf("Redis paused %v", redisPause), inject: func(t *testing.T, w *world) (int, string) { return pauseRedis(t, w, redisPause) }},
		{name: "Redis cut off from a node", inject: cutRedis},
		{name: "Postgres paused 5 s", outage: true, inject: pausePostgres},
		{name: "Postgres 200 ms away", outage: true, inject: slowPostgres},
	}
}

func killNode(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	n := w.pick()
	if n.kill(t) {
		fired++
	}
	n.ready.Store(false)
	w.wait(t, time.Second)
	n.up(t)
	return fired, ""
}

func restartPostgres(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	if w.postgres.end(t, syscall.SIGQUIT).Exited() && !w.postgres.answers(t.Context()) {
		fired++
	}
	w.wait(t, 500*time.Millisecond)
	w.postgres.start(t)
	w.postgres.awaitReady(t)
	return fired, ""
}

func pausePostgres(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	defer w.postgres.resume(t)
	stopped := w.postgres.pause(t)
	w.wait(t, 4*time.Second)
	if stopped > 0 && !w.postgres.answers(t.Context()) { // waits a second
		fired++
	}
	return fired, fmt.Sprintf("%d processes", stopped)
}

func rollNodes(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	var drains []time.Duration
	for _, n := range w.nodes {
		began := time.Now()
		if status := n.end(t, syscall.SIGTERM); status.Exited() && status.ExitStatus() == 0 {
			fired++
		} else {
			w.table.violation("a node did not end well after SIGTERM: status %d, signal %v", status.ExitStatus(), status.Signal())
		}
		drains = append(drains, time.Since(began).Round(time.Millisecond))
		n.up(t)
		w.wait(t, time.Second)
	}
	return fired, fmt.Sprintf("drained in %v", drains)
}

func losePublications(t *testing.T, w *world, d time.Duration) (fired int, note string) {
	t.Helper()
	for _, n := range w.nodes {
		n.lost.set(true)
	}
	w.wait(t, d)
	var all tally
	for _, n := range w.nodes {
		done := n.lost.set(false)
		all.seen += done.seen
		all.dropped += done.dropped
		all.terminal += done.terminal
		all.terminalDropped += done.terminalDropped
	}
	if all.terminalDropped == 0 {
		w.table.violation("no last event was among the %d publications that were lost", all.dropped)
	}
	return all.dropped, fmt.Sprintf("of %d publications; %d of %d with a last event", all.seen, all.terminalDropped, all.terminal)
}

func flush(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	keys, err := w.redis.client.DBSize(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.redis.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return 1, fmt.Sprintf("%d keys", keys)
}

func killRedis(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	if w.redis.end(t, syscall.SIGKILL).Signal() == syscall.SIGKILL && !w.redis.answers(t.Context()) {
		fired++
	}
	w.wait(t, 1500*time.Millisecond)
	w.redis.start(t)
	w.redis.awaitReady(t)
	return fired, ""
}

func pauseRedis(t *testing.T, w *world, d time.Duration) (fired int, note string) {
	t.Helper()
	defer func() { _ = syscall.Kill(w.redis.pid(), syscall.SIGCONT) }()
	stopped := stop(t, w.redis.pid())
	w.wait(t, d-probeLimit)
	if stopped && !w.redis.answers(t.Context()) { // waits a second
		fired++
	}
	return fired, ""
}

func cutRedis(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	n := w.pick()
	n.redis.cut()
	w.wait(t, 1500*time.Millisecond)
	if n.missesRedis(t.Context()) {
		fired++
	}
	n.redis.mend(t)
	return fired, ""
}

func slowPostgres(t *testing.T, w *world) (fired int, note string) {
	t.Helper()
	n := w.pick()
	n.database.add(t, `{"name":"slow","type":"latency","stream":"upstream","attributes":{"latency":200}}`)
	defer n.database.remove(t, "slow")
	took := w.postgres.roundTrip(t, n.database.port(t))
	if took >= 200*time.Millisecond {
		fired++
	}
	w.wait(t, 2*time.Second)
	return fired, fmt.Sprintf("a round trip took %v", took.Round(time.Millisecond))
}
