package cli

import (
	"context"
	"errors"
	"flag"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sheenapps/sheen/client"
	"github.com/sheenapps/sheen/cmd/sheen/view"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server"
)

// maxPrompt is the limit of the contract, in bytes.
const maxPrompt = 16384

// maxLocale is that of a locale, in bytes.
const maxLocale = 255

const (
	// cancelTimeout bounds the wish to cancel, cancelGrace the wait for the
	// build to end after it.
	cancelTimeout = 5 * time.Second
	cancelGrace   = 8 * time.Second
)

// buildFlags are the flags of `sheen build` beside the settings.
type buildFlags struct {
	remoteFlags

	locale     string
	json, exit bool
}

func (b *buildFlags) bind(f *flag.FlagSet) {
	b.remoteFlags.bind(f)
	f.StringVar(&b.locale, "locale", "", "`LOCALE` of the build, such as fr; the prompt's language if absent")
	f.BoolVar(&b.json, "json", false, "write one JSON object per line: every event, then {\"result\": …}")
	f.BoolVar(&b.exit, "exit", false, "end after the build instead of serving the preview")
}

// buildDefaults are the settings whose defaults differ for one build by hand.
func buildDefaults() map[string]string {
	return map[string]string{"embedded": "true", "log-level": "warn"}
}

func runBuild(ctx context.Context, p *Program, args []string) error {
	var own buildFlags
	flags := newFlags("build")
	own.bind(flags)
	settings := server.BindConfig(flags, buildDefaults())
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	prompt, err := promptOf(rest)
	if err != nil {
		return err
	}
	if err := own.check(p); err != nil {
		return err
	}
	signals := listen(ctx, p.Signals)
	defer signals.release()
	session := &buildSession{program: p, signals: signals, flags: own, began: time.Now()}
	req := &buildv1.StartBuildRequest{Prompt: prompt, Locale: own.locale, BuildSessionId: client.NewBuildSessionID()}
	if own.server != "" {
		session.renderer = p.renderer(own.json)
		defer session.renderer.Stop()
		return session.run(req, own.connect(), nil)
	}
	cfg, err := settings.Load(p.Getenv)
	if err != nil {
		return err
	}
	return session.embedded(req, cfg)
}

// promptOf checks what is to be built.
func promptOf(rest []string) (string, error) {
	if len(rest) > 1 {
		return "", usagef("the prompt is one argument: put it in quotes, as in sheen build \"%s\"", strings.Join(rest, " "))
	}
	if len(rest) == 0 || strings.TrimSpace(rest[0]) == "" {
		return "", usagef("the prompt is empty: say what to build, as in sheen build \"A booking site for my salon\"")
	}
	prompt := strings.TrimSpace(rest[0])
	if len(prompt) > maxPrompt {
		return "", usagef("the prompt has %d bytes and may have %d: shorten it", len(prompt), maxPrompt)
	}
	if !utf8.ValidString(prompt) {
		return "", usagef("the prompt is not valid UTF-8: set the terminal to UTF-8 and type it again")
	}
	return prompt, nil
}

// buildSession is one `sheen build`.
type buildSession struct {
	program  *Program
	signals  *interrupts
	flags    buildFlags
	renderer view.Renderer
	began    time.Time
}

// embedded starts a server in this process, builds, and serves the preview.
func (s *buildSession) embedded(req *buildv1.StartBuildRequest, cfg server.Config) (err error) {
	if !cfg.Roles.API || !cfg.Roles.Worker {
		return usagef("`sheen build` needs both roles: leave --role out")
	}
	if cfg.OfflinePace == nil {
		pace := 0.0
		if s.program.isTerminal() && !s.flags.json {
			pace = 1
		}
		cfg.OfflinePace = &pace
	}
	if err := checkNeighbor(cfg); err != nil {
		return err
	}
	s.renderer = s.program.renderer(s.flags.json)
	defer s.renderer.Stop()
	if s.program.isTerminal() {
		s.renderer.Note("Starting Sheen")
	}
	host, err := s.program.start(s.signals, cfg, s.renderer.Diagnostics())
	if err != nil {
		return err
	}
	defer func() {
		if s.signals.forced.Err() != nil { // what is cut off now complains, and that helps nobody
			s.renderer.Stop()
		}
		err = errors.Join(err, host.stop(s.signals))
	}()
	c, err := host.localClient(cfg.DataDir)
	if err != nil {
		return err
	}
	return s.run(req, connection{client: c, url: host.URL()}, host)
}

// run builds, and then serves the preview if there is a host and nobody is in a
// hurry.
func (s *buildSession) run(req *buildv1.StartBuildRequest, at connection, host *host) error {
	defer at.client.CloseIdleConnections()
	started, err := at.client.Builds.StartBuild(s.signals.forced, req)
	if err != nil {
		return at.problem(s.signals, err)
	}
	s.renderer.Begin(started.GetBuild())
	watcher := &watcher{connection: at, signals: s.signals, renderer: s.renderer, host: host, began: s.began}
	serving := host != nil && !s.flags.exit
	state, err := watcher.watch(started.GetBuild().GetId(), serving, client.From(started.GetResumeToken()))
	if err != nil {
		return err
	}
	if s.signals.pressed() {
		return errInterrupted
	}
	if state != buildv1.BuildState_BUILD_STATE_COMPLETE {
		return errBuildFailed
	}
	if !serving {
		return nil
	}
	err = host.serve(s.signals)
	s.renderer.Note("The preview has ended.")
	return err
}

// check finds what is wrong with the flags of a server elsewhere.
func (b *buildFlags) check(p *Program) error {
	if b.locale != strings.TrimSpace(b.locale) || len(b.locale) > maxLocale {
		return usagef("--locale is %q and must be a language tag, such as fr or ar-EG", b.locale)
	}
	return b.remoteFlags.check(p)
}
