package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sheenapps/sheen/server"
)

func runServe(ctx context.Context, p *Program, args []string) (err error) {
	flags := newFlags("serve")
	settings := server.BindConfig(flags, nil)
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("`sheen serve` takes no argument: leave %q out", rest[0])
	}
	cfg, err := settings.Load(p.Getenv)
	if err != nil {
		return err
	}
	if cfg.OfflinePace == nil {
		cfg.OfflinePace = new(float64)
	}
	if err := checkNeighbor(cfg); err != nil {
		return err
	}
	signals := listen(ctx, p.Signals)
	defer signals.release()
	log := slog.New(slog.NewJSONHandler(p.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	host, err := p.startLogged(signals, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.stop(signals)) }()
	p.announce(host, cfg)
	return host.serve(signals)
}

// announce says where everything is.
func (p *Program) announce(host *host, cfg server.Config) {
	if !cfg.Roles.API {
		fmt.Fprintf(p.Stdout, "Worker   ready\nData     %s\n", cfg.DataDir)
		return
	}
	fmt.Fprintf(p.Stdout, "API      %s\nPreview  %s\nData     %s\n", host.URL(), host.PreviewURL(), cfg.DataDir)
	if cfg.JWKSURL == "" {
		fmt.Fprintln(p.Stdout, "Token    sheen token --data-dir "+quote(cfg.DataDir))
	}
}
