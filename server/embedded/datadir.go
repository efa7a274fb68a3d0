package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// DefaultDataDir returns the folder that is used when none is named:
// $XDG_DATA_HOME/sheen, or ~/.local/share/sheen. It makes nothing. It fails
// when the user has no home folder.
func DefaultDataDir() (string, error) {
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "sheen"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder for Sheen's data, name one with SHEEN_DATA_DIR: %w", err)
	}
	return filepath.Join(home, ".local", "share", "sheen"), nil
}

// dataDir is a data folder that this process has locked.
type dataDir struct {
	path string
	lock *pidLock
	// made are the folders that did not exist before, outermost first.
	made []string
}

// openDataDir makes the folder when it is absent and locks it. It leaves
// nothing behind when it fails.
func openDataDir(path string) (*dataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &DataDirError{Dir: path, Err: err}
	}
	dir := &dataDir{path: path}
	if err := dir.makeAll(); err != nil {
		dir.removeMade()
		return nil, &DataDirError{Dir: path, Err: err}
	}
	lock, holder, err := lockFile(filepath.Join(path, "lock"))
	if errors.Is(err, errHeld) {
		return nil, &LockedError{Dir: path, PID: holder}
	}
	if err != nil {
		dir.removeMade()
		return nil, &DataDirError{Dir: path, Err: err}
	}
	dir.lock = lock
	return dir, nil
}

// makeAll makes the folder and its missing parents, and notes which those were.
func (d *dataDir) makeAll() error {
	var missing []string
	at := d.path
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return &os.PathError{Op: "stat", Path: at, Err: syscall.ENOTDIR}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err //nolint:wrapcheck // becomes a DataDirError
		}
		missing = append(missing, at)
		at = filepath.Dir(at)
	}
	for _, folder := range slices.Backward(missing) {
		err := os.Mkdir(folder, 0o700)
		if errors.Is(err, os.ErrExist) { // another Sheen was quicker, so it is not ours to remove
			continue
		}
		if err != nil {
			return err //nolint:wrapcheck // becomes a DataDirError
		}
		d.made = append(d.made, folder)
	}
	return nil
}

// close unlocks the folder.
func (d *dataDir) close() error { return d.lock.unlock() }

// takeBack unlocks the folder and removes what openDataDir made.
func (d *dataDir) takeBack() error {
	var err error
	if d.lock.fresh {
		err = os.Remove(d.lock.file.Name()) // while it is locked, so that nobody can hold it
	}
	d.removeMade()
	return errors.Join(err, d.lock.unlock())
}

// removeMade removes the folders that were made, as far as nobody has put
// anything into them since.
func (d *dataDir) removeMade() {
	for _, folder := range slices.Backward(d.made) {
		if os.Remove(folder) != nil {
			return
		}
	}
}
