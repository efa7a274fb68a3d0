package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// maxPIDLength bounds what is read of a lock file; a pid has at most 10 digits.
const maxPIDLength = 16

// errHeld says that a lock is another's.
var errHeld = errors.New("held by another process")

// pidLock is a locked file that names its holder.
type pidLock struct {
	file *os.File
	// fresh tells that no earlier holder has left its pid, so that the file may
	// go again when a start is taken back.
	fresh bool
}

// lockFile locks the file at path, making it when absent. When another holds
// it, the error is errHeld and the number is the holder's pid, or 0.
func lockFile(path string) (*pidLock, int, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, 0, err //nolint:wrapcheck // the caller says which folder it was
		}
		if err := tryLock(file); err != nil {
			pid := readPID(file)
			return nil, pid, errors.Join(err, file.Close())
		}
		current, err := isCurrent(file, path)
		if err != nil {
			return nil, 0, errors.Join(err, file.Close())
		}
		if !current { // removed by a holder that took its start back; lock the next one
			if err := file.Close(); err != nil {
				return nil, 0, err //nolint:wrapcheck // see above
			}
			continue
		}
		lock := &pidLock{file: file, fresh: readPID(file) == 0}
		if err := lock.sign(); err != nil {
			return nil, 0, errors.Join(err, file.Close())
		}
		return lock, 0, nil
	}
}

// sign writes the holder's pid for those who are refused.
func (l *pidLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err //nolint:wrapcheck // the caller says which folder it was
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err //nolint:wrapcheck // see above
}

// unlock lets the next one in. The file stays: removing it after unlocking
// could let two in. Closing alone would leave the lock to a child that another
// goroutine is just starting, until that child is its own program.
func (l *pidLock) unlock() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// tryLock locks an open file or folder without waiting. The lock belongs to the
// open file: it falls when its last descriptor, in any process, is closed.
func tryLock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return nil
}

func isCurrent(file *os.File, path string) (bool, error) {
	locked, err := file.Stat()
	if err != nil {
		return false, err //nolint:wrapcheck // os names the file
	}
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err //nolint:wrapcheck // os names the file
	}
	return os.SameFile(locked, named), nil
}

// readPID returns the pid that a lock file names, or 0.
func readPID(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, maxPIDLength))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
