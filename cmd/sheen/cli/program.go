package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Program is one run of the command line and all that it touches.
type Program struct {
	// Args are the arguments after the program's name.
	Args []string
	// Getenv reads the environment.
	Getenv func(name string) string
	// Stdout and Stderr are where it writes.
	Stdout, Stderr io.Writer
	// Columns returns the width of the terminal that Stdout is, or 0 if it is none.
	Columns func() int
	// Signals carries interrupts and requests to terminate.
	Signals <-chan os.Signal
	// Start starts a server in this process and returns when it is ready. Its
	// errors are sentences for the user.
	Start func(ctx context.Context, cfg server.Config, log *slog.Logger) (Server, error)
}

// Server is a server in this process. [server.Server] is one.
type Server interface {
	// URL is the address of the API.
	URL() string
	// PreviewURL is the address of previews, without a site's label.
	PreviewURL() string
	// Token makes a token of this server for a user.
	Token(user uuid.UUID, role auth.Role, ttl time.Duration) (string, error)
	// Failed says that a part has died.
	Failed() <-chan error
	// Stop ends everything gracefully; when ctx ends it hurries.
	Stop(ctx context.Context) error
}

// Run runs the command that Args name and returns the exit status.
func (p *Program) Run(ctx context.Context) int {
	if len(p.Args) == 0 {
		p.complain(errors.New("say what to do"))
		fmt.Fprint(p.Stderr, "\n", overview())
		return exitUsage
	}
	name, args := p.Args[0], p.Args[1:]
	if name == "-h" || name == "--help" {
		name = "help"
	}
	if name == "--version" {
		name = "version"
	}
	cmd, ok := find(name)
	if !ok {
		return p.finish(usagef("unknown command %q: `sheen help` lists them", name))
	}
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "-h" || arg == "--help" {
			fmt.Fprint(p.Stdout, cmd.help())
			return exitDone
		}
	}
	return p.finish(cmd.run(ctx, p, args))
}

// errBuildFailed says that a build ended otherwise than complete; what there is
// to say was shown.
var errBuildFailed = errors.New("the build is not complete")

// errAuditFailed says that an audit found contradictions; they were shown.
var errAuditFailed = errors.New("the books are wrong")

// errInterrupted says that the user ended the program before it was done.
var errInterrupted = errors.New("interrupted")

// usageError is a wrong call.
type usageError struct{ sentence string }

func (e *usageError) Error() string { return e.sentence }

func usagef(format string, args ...any) error {
	return &usageError{sentence: fmt.Sprintf(format, args...)}
}

// finish turns the end of a command into an exit status, and says what is to be
// said.
func (p *Program) finish(err error) int {
	_, misconfigured := errors.AsType[*server.ConfigError](err)
	_, misused := errors.AsType[*usageError](err)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errBuildFailed), errors.Is(err, errAuditFailed):
		return exitFailed
	case misconfigured, misused:
		p.complain(err)
		return exitUsage
	default:
		p.complain(err)
		return exitFailed
	}
}

func (p *Program) complain(err error) {
	for line := range strings.SplitSeq(sentence(err), "\n") {
		fmt.Fprintln(p.Stderr, "sheen: "+line)
	}
}
