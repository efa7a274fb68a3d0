package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestStart_UnusableFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := filepath.Join(root, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	foreign := filepath.Join(root, "foreign")
	must(t, os.MkdirAll(filepath.Join(foreign, "postgres", "data"), 0o700))
	tests := []struct {
		name, dir string
		want      error
	}{
		{"a file", file, syscall.ENOTDIR},
		{"below a file", filepath.Join(file, "data"), syscall.ENOTDIR},
		{"a name too long", filepath.Join(root, "new", strings.Repeat("x", 300)), syscall.ENAMETOOLONG},
		{"another's data", foreign, errNotCluster},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), Options{DataDir: tt.dir})
			unusable, ok := errors.AsType[*DataDirError](err)
			if !ok || unusable.Dir != tt.dir || !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want a DataDirError for %v", err, tt.want)
			}
			if text := err.Error(); strings.Count(text, tt.dir) != 1 || !strings.Contains(text, "SHEEN_DATA_DIR") {
				t.Errorf("not a clear sentence: %s", text)
			}
			wantAbsent(t, filepath.Join(root, "new"))
			wantAbsent(t, filepath.Join(foreign, "lock"))
		})
	}
}

func TestStart_FolderOfAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, mode := range map[string]os.FileMode{"closed": 0o700, "readable": 0o755} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := openFolder(t)
			must(t, os.Chmod(root, mode))
			h := startHolder(t, nobody, holdEnv+"="+filepath.Join(root, "a", "b"))
			got := h.report(t).Error
			if want := "cannot be used (permission denied): choose another"; !strings.Contains(got, want) {
				t.Errorf("got %q, want %q in it", got, want)
			}
			wantEmpty(t, root)
		})
	}
}

func TestOpenDataDir_TakeBack(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "a", "b")
	for range 2 {
		dir, err := openDataDir(path)
		must(t, err)
		must(t, dir.takeBack())
		wantEmpty(t, root)
	}

	dir, err := openDataDir(path)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "a", "mine"), nil, 0o600))
	must(t, dir.takeBack())
	if _, err := os.Stat(filepath.Join(root, "a", "mine")); err != nil {
		t.Errorf("removed another's file: %v", err)
	}
}

func TestOpenDataDir_KeepsAnEarlierLockFile(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, err := openDataDir(path)
	must(t, err)
	must(t, dir.close())
	dir, err = openDataDir(path)
	must(t, err)
	must(t, dir.takeBack())
	if _, err := os.Stat(filepath.Join(path, "lock")); err != nil {
		t.Errorf("lock file: %v", err)
	}
}

func TestLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	must(t, os.WriteFile(path, []byte("4194303999\n"), 0o600)) // of a holder that was killed
	first, _, err := lockFile(path)
	must(t, err)

	_, pid, err := lockFile(path)
	if !errors.Is(err, errHeld) || pid != os.Getpid() {
		t.Fatalf("got %d, %v, want %d, errHeld", pid, err, os.Getpid())
	}
	must(t, first.unlock())
	second, _, err := lockFile(path)
	must(t, err)
	must(t, second.unlock())
}

// A child that is just being started has all files of its parent for a moment.
func TestLockFile_SharedWithAChild(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, _, err := lockFile(path)
	must(t, err)
	inherited, err := syscall.Dup(int(first.file.Fd()))
	must(t, err)
	defer func() { must(t, syscall.Close(inherited)) }()
	must(t, first.unlock())
	second, _, err := lockFile(path)
	must(t, err)
	must(t, second.unlock())
}

// Whoever waits for a lock file that its holder takes away must not end up with
// a lock on nothing.
func TestLockFile_RemovedMeanwhile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	file, err := os.Create(path)
	must(t, err)
	defer func() { must(t, file.Close()) }()
	if current, err := isCurrent(file, path); err != nil || !current {
		t.Errorf("present: %v, %v", current, err)
	}
	must(t, os.Remove(path))
	if current, err := isCurrent(file, path); err != nil || current {
		t.Errorf("removed: %v, %v", current, err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if current, err := isCurrent(file, path); err != nil || current {
		t.Errorf("replaced: %v, %v", current, err)
	}
}

func TestLockedError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pid  int
		want string
	}{
		{42, "another Sheen (pid 42) is using the data folder /d: stop it, or choose another folder with SHEEN_DATA_DIR"},
		{0, "another Sheen is using the data folder /d: stop it, or choose another folder with SHEEN_DATA_DIR"},
	}
	for _, tt := range tests {
		if got := (&LockedError{Dir: "/d", PID: tt.pid}).Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestDefaultDataDir(t *testing.T) {
	tests := []struct{ name, xdg, home, want string }{
		{"XDG", "/x", "/h", "/x/sheen"},
		{"home", "", "/h", "/h/.local/share/sheen"},
		{"relative XDG does not count", "x", "/h", "/h/.local/share/sheen"},
		{"no home", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("XDG_DATA_HOME", tt.xdg)
			t.Setenv("HOME", tt.home)
			got, err := DefaultDataDir()
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}
