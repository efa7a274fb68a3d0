package cli

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

// tokenFlags are the flags of `sheen token`.
type tokenFlags struct {
	dataDir    *server.ConfigFlags
	user, role string
	ttl        time.Duration
}

func (t *tokenFlags) bind(f *flag.FlagSet) {
	t.dataDir = server.BindDataDir(f)
	f.StringVar(&t.user, "user", "", "whom it is for, a `UUID`")
	f.StringVar(&t.role, "role", string(auth.RoleUser), "`ROLE`: user, service or admin")
	f.DurationVar(&t.ttl, "ttl", time.Hour, "how long it is good, a `DURATION` such as 1h")
}

func runToken(_ context.Context, p *Program, args []string) error {
	var own tokenFlags
	flags := newFlags("token")
	own.bind(flags)
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if err := own.check(rest); err != nil {
		return err
	}
	dataDir, err := own.dataDir.DataDir(p.Getenv)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("the data folder %s cannot be made (%w): choose another with --data-dir", dataDir, cause(err))
	}
	user, err := own.subject(dataDir)
	if err != nil {
		return err
	}
	key, err := auth.LoadOrCreateKey(dataDir)
	if err != nil {
		return fmt.Errorf("the key of the data folder %s cannot be used (%w): choose another with --data-dir", dataDir, cause(err))
	}
	token, err := key.Issue(user, auth.Role(own.role), own.ttl)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout, token)
	return nil
}

func (t *tokenFlags) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return usagef("`sheen token` takes flags only: leave %q out", rest[0])
	case !auth.Role(t.role).Valid():
		return usagef("--role is %q and must be user, service or admin", t.role)
	case t.ttl <= 0:
		return usagef("--ttl is %v and must be positive", t.ttl)
	}
	if t.user != "" && uuid.Validate(t.user) != nil {
		return usagef("--user is %q and must be a UUID", t.user)
	}
	return nil
}

func (t *tokenFlags) subject(dataDir string) (uuid.UUID, error) {
	if t.user == "" {
		return localUser(dataDir)
	}
	return uuid.Parse(t.user) //nolint:wrapcheck // checked before
}

// quote makes a path safe to copy into a shell.
func quote(path string) string {
	if strings.ContainsAny(path, " \t\n'\"\\$`&;|<>()*?[]#~") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
