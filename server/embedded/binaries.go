package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

const (
	// minMajor is the oldest Postgres that is taken for a new data folder.
	minMajor = 14
	// versionTimeout bounds asking a program for its version.
	versionTimeout = 10 * time.Second
)

// versionPattern finds the major version in what `postgres --version` prints.
var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// programs are initdb and postgres of one version, in one folder.
type programs struct {
	dir   string
	major int
}

// finder knows where Postgres may be.
type finder struct {
	// only is the one folder to look at, or empty.
	only string
	// globs are patterns of folders where packages put the programs.
	globs []string
	// fetch gets a major version, or the newest for 0, and returns its folder.
	fetch func(ctx context.Context, major int) (string, error)
}

func newFinder(opts Options) finder {
	return finder{
		only: opts.PostgresBin,
		globs: []string{
			"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
			"/usr/pgsql-*/bin",                   // RPM of the Postgres project
			"/usr/libexec/postgresql*",           // Alpine
			"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on ARM
			"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		},
		fetch: fetcher{cache: cacheDir, repository: mavenCentral, logger: opts.Logger}.fetch,
	}
}

// find returns the programs of the major version, or for 0 the newest there are.
// The error is a *BinariesError or the cause of ctx.
func (f finder) find(ctx context.Context, major int) (programs, error) {
	var found []programs
	for _, dir := range f.candidates() {
		if p, err := inspect(ctx, dir); err == nil && (p.major == major || major == 0 && p.major >= minMajor) {
			found = append(found, p)
		}
	}
	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b programs) int { return cmp.Compare(a.major, b.major) }), nil
	}
	if ctx.Err() != nil {
		return programs{}, context.Cause(ctx)
	}
	if f.only != "" {
		return programs{}, &BinariesError{Major: major, Only: f.only}
	}
	return f.fetched(ctx, major)
}

// candidates lists folders that may hold the programs, PATH's first: of equal
// versions the first is taken.
func (f finder) candidates() []string {
	if f.only != "" {
		return []string{f.only}
	}
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, glob := range f.globs {
		if matches, err := filepath.Glob(glob); err == nil {
			dirs = append(dirs, matches...)
		}
	}
	return dirs
}

func (f finder) fetched(ctx context.Context, major int) (programs, error) {
	dir, err := f.fetch(ctx, major)
	if err == nil {
		var p programs
		if p, err = inspect(ctx, dir); err == nil {
			return p, nil
		}
	}
	if ctx.Err() != nil {
		return programs{}, context.Cause(ctx)
	}
	return programs{}, &BinariesError{Major: major, Err: err}
}

// inspect returns the programs in a folder, or an error when one is missing or
// does not run.
func inspect(ctx context.Context, dir string) (programs, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return programs{}, err //nolint:wrapcheck // os says what is wrong
	}
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return programs{}, err //nolint:wrapcheck // os names the file
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	printed, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output() //nolint:gosec // the folder is the operator's
	if err != nil {
		return programs{}, fmt.Errorf("version of the postgres in %s: %w", dir, err)
	}
	match := versionPattern.FindSubmatch(printed)
	if match == nil {
		return programs{}, errors.New("unknown kind of postgres in " + dir)
	}
	major, err := strconv.Atoi(string(match[1]))
	if err != nil {
		return programs{}, fmt.Errorf("version of the postgres in %s: %w", dir, err)
	}
	return programs{dir: dir, major: major}, nil
}
