package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/sheenapps/sheen/cmd/sheen/cli"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

func startThatWaits(ctx context.Context, _ server.Config, _ *slog.Logger) (cli.Server, error) {
	<-ctx.Done()
	return nil, errors.New("the database went away while it was being made")
}

// Every wrong call: status 2, one sentence, and nothing was started.
func TestWrongCalls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown command":  {[]string{"bild"}, "unknown command \"bild\": `sheen help` lists them"},
		"no prompt":        {[]string{"build"}, `the prompt is empty: say what to build, as in sheen build "A booking site for my salon"`},
		"blank prompt":     {[]string{"build", " \n"}, `the prompt is empty: say what to build, as in sheen build "A booking site for my salon"`},
		"unquoted prompt":  {[]string{"build", "A", "shop"}, `the prompt is one argument: put it in quotes, as in sheen build "A shop"`},
		"long prompt":      {[]string{"build", strings.Repeat("é", 8193)}, "the prompt has 16386 bytes and may have 16384: shorten it"},
		"broken prompt":    {[]string{"build", "\xff"}, "the prompt is not valid UTF-8: set the terminal to UTF-8 and type it again"},
		"unknown flag":     {[]string{"build", "x", "--bogus"}, "unknown flag --bogus: `sheen help build` lists them"},
		"flag alone":       {[]string{"build", "x", "--locale"}, "--locale needs a value: `sheen help build` says which"},
		"switch with text": {[]string{"build", "x", "--json=perhaps"}, `--json cannot be "perhaps": it stands alone`},
		"settings": {
			[]string{"build", "x", "--listen", "y", "--engine", "z"},
			"--listen is \"y\" and must be host:port, such as 127.0.0.1:8080\nsheen: --engine is \"z\" and must be offline, anthropic or openai",
		},
		"one role":          {[]string{"build", "x", "--role", "api"}, "`sheen build` needs both roles: leave --role out"},
		"bad locale":        {[]string{"build", "x", "--locale", "fr "}, `--locale is "fr " and must be a language tag, such as fr or ar-EG`},
		"bad server":        {[]string{"build", "x", "--server", "foo", "--token", "t"}, `--server is "foo" and must be an address like http://127.0.0.1:8080`},
		"no token":          {[]string{"build", "x", "--server", "http://h"}, "--server needs a token: pass --token or set SHEEN_TOKEN; `sheen token` on the server's machine prints one"},
		"token for nobody":  {[]string{"build", "x", "--token", "t"}, "--token is for a Sheen that runs already: name it with --server"},
		"serve: argument":   {[]string{"serve", "x"}, "`sheen serve` takes no argument: leave \"x\" out"},
		"serve: no store":   {[]string{"serve", "--redis-url", "redis://h"}, "no database is set: set SHEEN_DATABASE_URL, or pass --embedded to start one"},
		"watch: what":       {[]string{"watch"}, "say which build to watch: sheen watch BUILD"},
		"watch: no build":   {[]string{"watch", "x"}, "\"x\" is no build: its id is a UUID, as `sheen build` prints it"},
		"watch: seq":        {[]string{"watch", buildID, "--from-seq", "0"}, "--from-seq is 0 and must be at least 1"},
		"watch: seq text":   {[]string{"watch", buildID, "--from-seq", "x"}, "--from-seq cannot be \"x\": `sheen help watch` says what it takes"},
		"token: argument":   {[]string{"token", "x"}, "`sheen token` takes flags only: leave \"x\" out"},
		"token: user":       {[]string{"token", "--user", "x"}, `--user is "x" and must be a UUID`},
		"token: role":       {[]string{"token", "--role", "king"}, `--role is "king" and must be user, service or admin`},
		"token: ttl":        {[]string{"token", "--ttl", "-1h"}, "--ttl is -1h0m0s and must be positive"},
		"audit: argument":   {[]string{"audit", "x"}, "`sheen audit` takes flags only: leave \"x\" out"},
		"audit: no token":   {[]string{"audit", "--server", "http://h"}, "--server needs a token: pass --token or set SHEEN_TOKEN; `sheen token` on the server's machine prints one"},
		"version: argument": {[]string{"version", "x"}, "`sheen version` takes no argument: leave \"x\" out"},
		"help: what":        {[]string{"help", "x"}, "unknown command \"x\": `sheen help` lists them"},
		"help: two":         {[]string{"help", "build", "serve"}, "`sheen help` explains one command at a time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, nil, nil, test.args...)
			if code := r.program.Run(t.Context()); code != 2 || r.started.Load() != 0 || r.stdout.String() != "" {
				t.Errorf("exit status %d, %d starts, shows %q", code, r.started.Load(), r.stdout)
			}
			if got := r.stderr.String(); got != "sheen: "+test.want+"\n" {
				t.Errorf("says %s", got)
			}
		})
	}
}

func TestNoCommand(t *testing.T) {
	t.Parallel()
	r := newRun(t, nil, nil)
	if code := r.program.Run(t.Context()); code != 2 || !strings.HasPrefix(r.stderr.String(), "sheen: say what to do\n") || !strings.Contains(r.stderr.String(), "  watch    "+"watch a build\n") {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help", "build"}, {"build", "--help"}, {"build", "x", "-h"}} {
		r := newRun(t, nil, nil, args...)
		if code := r.program.Run(t.Context()); code != 0 || r.stderr.String() != "" {
			t.Errorf("%v: exit status %d: %s", args, code, r.stderr)
		}
		for _, want := range []string{"Usage: sheen build \"PROMPT\" [FLAGS]\n", "  --locale LOCALE ", "  --listen VALUE "} {
			if !strings.Contains(r.stdout.String(), want) {
				t.Errorf("%v: %q is missing in\n%s", args, want, r.stdout)
			}
		}
	}
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}} {
		r := newRun(t, nil, nil, args...)
		if code := r.program.Run(t.Context()); code != 0 || !strings.Contains(r.stdout.String(), "Commands:\n") {
			t.Errorf("%v: exit status %d: %s", args, code, r.stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "--version"} {
		r := newRun(t, nil, nil, arg)
		if code := r.program.Run(t.Context()); code != 0 || !strings.HasPrefix(r.stdout.String(), "sheen ") || !strings.Contains(r.stdout.String(), ", go1.") {
			t.Errorf("exit status %d: %s", code, r.stdout)
		}
	}
}

func TestFlagsAfterTwoDashesAreText(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, nil, "build", "--exit", "--", "--help me sell bread")
	if code := r.program.Run(t.Context()); code != 0 || host.prompts[0].GetPrompt() != "--help me sell bread" {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
}

func TestStartProblemIsSaid(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"build", "x"}, {"serve", "--embedded"}} {
		r := newRun(t, nil, nil, args...)
		if code := r.program.Run(t.Context()); code != 1 || r.stderr.String() != "sheen: the data folder cannot be used: choose another with --data-dir\n" {
			t.Errorf("exit status %d: %s", code, r.stderr)
		}
	}
}

func TestServerProblems(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.refuse = refusal(t, connect.CodeUnauthenticated, "UNAUTHENTICATED")
	hidden := newAPI(t)
	hidden.refuse = refusal(t, connect.CodeNotFound, "NOT_FOUND")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		host.url + " refused the token: make a new one with `sheen token` on its machine and pass it with --token": {"build", "x", "--server", host.url},
		"no Sheen answers at " + gone + ": start one with `sheen serve --embedded`, or correct --server":           {"build", "x", "--server", gone},
		"there is no such build, or it is another user's: check its id and the token":                              {"watch", buildID, "--server", hidden.url},
	} {
		r := newRun(t, nil, nil, append(args, "--token", "t")...)
		if code := r.program.Run(t.Context()); code != 1 || r.stdout.String() != "" {
			t.Errorf("exit status %d, shows %q", code, r.stdout)
		}
		if got := r.stderr.String(); got != "sheen: "+want+"\n" {
			t.Errorf("says %s", got)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	r := newRun(t, host, map[string]string{"SHEEN_DATA_DIR": "/srv/my sheen"}, "serve", "--embedded")
	code := make(chan int, 1)
	go func() { code <- r.program.Run(t.Context()) }()
	await(t, r.stdout, "Token    sheen token --data-dir '/srv/my sheen'\n")
	r.interrupt()
	if got := <-code; got != 0 || host.stops.Load() != 1 {
		t.Errorf("exit status %d, %d stops: %s", got, host.stops.Load(), r.stderr)
	}
	want := "API      " + host.url + "\nPreview  http://preview.localhost:8081\nData     /srv/my sheen\nToken    sheen token --data-dir '/srv/my sheen'\n"
	if r.stdout.String() != want || *host.config.OfflinePace != 0 {
		t.Errorf("says %s", r.stdout)
	}
	host.died <- errors.New("no more redis")
	r = newRun(t, host, nil, "serve", "--embedded")
	if got := r.program.Run(t.Context()); got != 1 || r.stderr.String() != "sheen: a part of Sheen stopped working (no more redis): start it again\n" {
		t.Errorf("exit status %d: %s", got, r.stderr)
	}
}

// beside makes a data folder on which a server runs.
func beside(t *testing.T, host *api) string {
	t.Helper()
	dataDir := t.TempDir()
	raw, err := json.Marshal(map[string]string{"listen": strings.TrimPrefix(host.url, "http://"), "preview": "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dataDir, "server.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dataDir
}

func TestRunningSheenIsPointedOut(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	dataDir := beside(t, host)
	want := "sheen: a Sheen already runs on the data folder " + dataDir + ": use it with --server " + host.url + " --token \"$(sheen token --data-dir " + dataDir + ")\", or stop it\n"
	for _, args := range [][]string{{"build", "x"}, {"serve", "--embedded"}} {
		r := newRun(t, host, nil, append(args, "--data-dir", dataDir)...)
		if code := r.program.Run(t.Context()); code != 1 || r.started.Load() != 0 || r.stderr.String() != want {
			t.Errorf("exit status %d, %d starts: %s", code, r.started.Load(), r.stderr)
		}
	}
}

func TestWatchTheLocalSheen(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	dataDir := beside(t, host)
	r := newRun(t, nil, nil, "watch", "--data-dir", dataDir, buildID)
	if code := r.program.Run(t.Context()); code != 1 || r.stderr.String() != "sheen: the data folder "+dataDir+" has no key: pass --server and --token\n" {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
	if _, err := auth.LoadOrCreateKey(dataDir); err != nil {
		t.Fatal(err)
	}
	r = newRun(t, nil, nil, "watch", "--data-dir", dataDir, buildID, "--from-seq", "2")
	if code := r.program.Run(t.Context()); code != 0 {
		t.Fatalf("exit status %d: %s", code, r.stderr)
	}
	want := strings.Replace(completed, "\nPlanning\n", "", 1)
	if got := untimed(r.stdout.String()); got != want {
		t.Errorf("shows\n%s\nwant\n%s", got, want)
	}
	if host.after[0] != 1 || !strings.HasPrefix(host.tokens[0], "Bearer ey") {
		t.Errorf("after %v with %q", host.after, host.tokens)
	}
}

func TestWatchWithoutAServer(t *testing.T) {
	t.Parallel()
	r := newRun(t, nil, map[string]string{"SHEEN_DATA_DIR": "/nowhere"}, "watch", buildID)
	if code := r.program.Run(t.Context()); code != 1 || r.stderr.String() != "sheen: no Sheen runs on the data folder /nowhere: start one with `sheen serve --embedded`, or pass --server\n" {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
}

func TestWatchLeavesTheBuildAlone(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.outcome = 0
	r := newRun(t, nil, nil, "watch", buildID, "--server", host.url, "--token", "t")
	go func() {
		<-host.following
		r.interrupt()
	}()
	if code := r.program.Run(t.Context()); code != 130 || r.stderr.String() != "" {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
	if len(host.cancelled) != 0 || strings.Contains(r.stdout.String(), "Cancelling") {
		t.Error("the build was cancelled")
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	dataDir := filepath.Join(t.TempDir(), "new")
	user := uuid.New()
	claims := func(args ...string) jwt.MapClaims {
		r := newRun(t, nil, nil, append([]string{"token", "--data-dir", dataDir}, args...)...)
		if code := r.program.Run(t.Context()); code != 0 {
			t.Fatalf("exit status %d: %s", code, r.stderr)
		}
		read := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(r.stdout.String()), read); err != nil {
			t.Fatal(err)
		}
		return read
	}
	full := claims("--user", user.String(), "--role", "admin", "--ttl", "5m")
	exp, _ := full["exp"].(float64)
	iat, _ := full["iat"].(float64)
	if full["sub"] != user.String() || full["role"] != "admin" || exp-iat != 300 {
		t.Errorf("claims are %v", full)
	}
	local := claims()
	stored, err := os.ReadFile(filepath.Join(dataDir, "user"))
	if err != nil {
		t.Fatal(err)
	}
	if again := claims(); local["sub"] != strings.TrimSpace(string(stored)) || again["sub"] != local["sub"] || local["role"] != "user" {
		t.Errorf("claims are %v and then %v", local, again)
	}
	if err := os.WriteFile(filepath.Join(dataDir, "user"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRun(t, nil, nil, "token", "--data-dir", dataDir)
	if code := r.program.Run(t.Context()); code != 1 || !strings.Contains(r.stderr.String(), "user holds no user id: write a UUID into it") {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
}
