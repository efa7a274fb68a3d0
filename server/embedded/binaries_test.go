package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakePrograms makes a folder with an initdb and a postgres that knows its version.
func fakePrograms(t *testing.T, dir, version string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	for _, name := range []string{"initdb", "postgres"} {
		script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", name, version)
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700))
	}
	return dir
}

func TestFinder_Find(t *testing.T) {
	root := t.TempDir()
	onPath := fakePrograms(t, filepath.Join(root, "path"), "16.4")
	fakePrograms(t, filepath.Join(root, "pkg", "9", "bin"), "9.6.24")
	fakePrograms(t, filepath.Join(root, "pkg", "15", "bin"), "15.18 (Debian 15.18-0+deb12u1)")
	packaged := fakePrograms(t, filepath.Join(root, "pkg", "18", "bin"), "18beta2")
	sixteen := fakePrograms(t, filepath.Join(root, "pkg", "16", "bin"), "16.1")
	must(t, os.Remove(filepath.Join(fakePrograms(t, filepath.Join(root, "pkg", "19", "bin"), "19.0"), "initdb")))
	fetched := fakePrograms(t, filepath.Join(root, "fetched"), "17.5")
	old := fakePrograms(t, filepath.Join(root, "old"), "13.1")
	t.Setenv("PATH", onPath+":/usr/bin:/bin")
	t.Chdir(root)

	offline := errors.New("no network")
	fetch := func(_ context.Context, major int) (string, error) {
		if major == 17 {
			return fetched, nil
		}
		return "", offline
	}
	globs := []string{filepath.Join(root, "pkg", "*", "bin")}
	tests := []struct {
		name   string
		finder finder
		major  int
		want   programs
		err    string
	}{
		{name: "the newest", finder: finder{globs: globs}, want: programs{packaged, 18}},
		{name: "PATH before packages", finder: finder{globs: globs}, major: 16, want: programs{onPath, 16}},
		{name: "an old cluster's own", finder: finder{globs: globs}, major: 9, want: programs{filepath.Join(root, "pkg", "9", "bin"), 9}},
		{name: "only", finder: finder{only: sixteen, globs: globs}, want: programs{sixteen, 16}},
		{name: "only, relative", finder: finder{only: "pkg/16/bin"}, want: programs{sixteen, 16}},
		{name: "fetched", finder: finder{fetch: fetch}, major: 17, want: programs{fetched, 17}},
		{
			name: "only, empty", finder: finder{only: root, fetch: fetch},
			err: "Postgres 14 or later was not found in " + root + ": install it (Debian, Ubuntu: `apt-get install postgresql`) " +
				"or name the folder of initdb and postgres in SHEEN_POSTGRES_BIN",
		},
		{
			name: "only, too old", finder: finder{only: old, fetch: fetch},
			err: "Postgres 14 or later was not found in " + old,
		},
		{
			name: "not installed, not fetched", finder: finder{globs: globs, fetch: fetch}, major: 14,
			err: "Postgres 14, which made the data folder, was not found on this machine and could not be fetched (no network): " +
				"install it (Debian, Ubuntu: `apt-get install postgresql-14`)",
		},
	}
	for _, tt := range tests { //nolint:paralleltest // see above
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.finder.find(t.Context(), tt.major)
			if tt.err == "" {
				must(t, err)
				if got != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
				return
			}
			if _, ok := errors.AsType[*BinariesError](err); !ok || !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("got  %v\nwant %s", err, tt.err)
			}
		})
	}
}

func TestStart_NoBinaries(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	_, err := Start(t.Context(), Options{DataDir: filepath.Join(parent, "a", "b"), PostgresBin: t.TempDir()})
	if _, ok := errors.AsType[*BinariesError](err); !ok {
		t.Errorf("got %v, want a BinariesError", err)
	}
	wantEmpty(t, parent)
}

func TestStart_ClusterOfAnotherVersion(t *testing.T) {
	t.Parallel()
	dir := cloneDataDir(t, filepath.Join(t.TempDir(), "data"))
	version := filepath.Join(dir, "postgres", "data", "PG_VERSION")
	must(t, os.WriteFile(version, []byte("17\n"), 0o600))
	bin := fakePrograms(t, t.TempDir(), "16.0")
	_, err := Start(t.Context(), Options{DataDir: dir, PostgresBin: bin})
	if missing, ok := errors.AsType[*BinariesError](err); !ok || missing.Major != 17 {
		t.Errorf("got %v, want a BinariesError for 17", err)
	}
	if _, err := os.Stat(version); err != nil {
		t.Errorf("the data is gone: %v", err)
	}
}
