// Command sheen builds sites from prompts and serves the API that does it.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/sheenapps/sheen/cmd/sheen/cli"
	"github.com/sheenapps/sheen/server"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	program := &cli.Program{
		Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr,
		Columns: columns, Signals: signals, Start: start,
	}
	os.Exit(program.Run(context.Background()))
}

func start(ctx context.Context, cfg server.Config, log *slog.Logger) (cli.Server, error) {
	return server.Start(ctx, cfg, log)
}

func columns() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}
