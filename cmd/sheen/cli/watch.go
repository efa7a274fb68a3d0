package cli

import (
	"context"
	"flag"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

// watchFlags are the flags of `sheen watch`.
type watchFlags struct {
	remoteFlags

	dataDir *server.ConfigFlags
	json    bool
	fromSeq int64
}

func (w *watchFlags) bind(f *flag.FlagSet) {
	w.remoteFlags.bind(f)
	w.dataDir = server.BindDataDir(f)
	f.BoolVar(&w.json, "json", false, "write one JSON object per line: every event, then {\"result\": …}")
	f.Int64Var(&w.fromSeq, "from-seq", 1, "begin with event `N`")
}

func runWatch(ctx context.Context, p *Program, args []string) error {
	var own watchFlags
	flags := newFlags("watch")
	own.bind(flags)
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	buildID, err := buildIDOf(rest)
	if err != nil {
		return err
	}
	if own.fromSeq < 1 {
		return usagef("--from-seq is %d and must be at least 1", own.fromSeq)
	}
	if err := own.check(p); err != nil {
		return err
	}
	at, err := own.find(p, own.dataDir, auth.RoleUser)
	if err != nil {
		return err
	}
	defer at.client.CloseIdleConnections()
	signals := listen(ctx, p.Signals)
	defer signals.release()
	got, err := at.client.Builds.GetBuild(signals.asked, &buildv1.GetBuildRequest{BuildId: buildID})
	if err != nil {
		return at.problem(signals, err)
	}
	renderer := p.renderer(own.json)
	defer renderer.Stop()
	renderer.Begin(got.GetBuild())
	w := &watcher{connection: at, signals: signals, renderer: renderer, began: time.Now(), leaveAlone: true}
	state, err := w.watch(buildID, false, client.AfterSeq(own.fromSeq-1))
	if err != nil {
		return err
	}
	if state != buildv1.BuildState_BUILD_STATE_COMPLETE {
		return errBuildFailed
	}
	return nil
}

func buildIDOf(rest []string) (string, error) {
	if len(rest) != 1 {
		return "", usagef("say which build to watch: sheen watch BUILD")
	}
	id, err := uuid.Parse(rest[0])
	if err != nil {
		return "", usagef("%q is no build: its id is a UUID, as `sheen build` prints it", rest[0])
	}
	return id.String(), nil
}
