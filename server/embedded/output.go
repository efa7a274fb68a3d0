package embedded

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

const (
	// maxLogSize is when a log makes room for the next, in bytes.
	maxLogSize = 1 << 20
	// tailSize is how much of the output is kept to find a reason in, in bytes.
	tailSize = 4 << 10
)

// output receives what Postgres and initdb write. It keeps it in a log of
// bounded size and the end of it in memory. It is safe for concurrent use.
type output struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
	tail []byte
}

// openOutput appends to the log at path, making it when absent.
func openOutput(path string) (*output, error) {
	out := &output{path: path}
	if err := out.open(); err != nil {
		return nil, err
	}
	return out, nil
}

func (o *output) open() error {
	file, err := os.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err //nolint:wrapcheck // os names the file
	}
	o.file, o.size = file, info.Size()
	return nil
}

// Write implements io.Writer. It never fails: Postgres must not stand still
// because its log cannot be written.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	if excess := len(o.tail) - tailSize; excess > 0 {
		o.tail = bytes.Clone(o.tail[excess:])
	}
	if o.size+int64(len(p)) > maxLogSize {
		o.rotate()
	}
	n, err := o.file.Write(p)
	o.size += int64(n)
	_ = err // see above
	return len(p), nil
}

// rotate keeps one earlier log. When that is not possible it starts over in
// the present one: the bound holds in any case.
func (o *output) rotate() {
	present := o.file
	if os.Rename(o.path, o.path+".1") != nil || o.open() != nil {
		_ = present.Truncate(0)
		o.size = 0
		return
	}
	_ = present.Close()
}

// forget drops the tail, so that reason speaks of what comes next.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = nil
}

// reason returns the line that says best why the program ended: the last one
// that reports an error, else the last one.
func (o *output) reason() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var last string
	lines := strings.Split(string(o.tail), "\n")
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"FATAL:", "PANIC:", "error:"} {
			if _, said, ok := strings.Cut(line, mark); ok {
				return strings.TrimSpace(said)
			}
		}
		if last == "" {
			last = line
		}
	}
	return last
}

func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.file.Close(); err != nil {
		return fmt.Errorf("close the log of postgres: %w", err)
	}
	return nil
}
