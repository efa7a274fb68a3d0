package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutput_Bounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for range 2 { // what is there already counts
		out, err := openOutput(path)
		must(t, err)
		line := bytes.Repeat([]byte("x"), 64<<10)
		for range 40 {
			if n, err := out.Write(line); n != len(line) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		must(t, out.close())
	}
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Size() == 0 || info.Size() > maxLogSize {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	names, err := filepath.Glob(path + "*")
	must(t, err)
	if len(names) != 2 {
		t.Errorf("files: %v", names)
	}
}

func TestOutput_Reason(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, written, want string }{
		{"nothing", "", ""},
		{"fatal", "LOG:  starting\n[1] FATAL:  no space\nLOG:  shut down\n", "no space"},
		{"the last error", "x FATAL:  one\nx PANIC:  two\n", "two"},
		{"initdb", "initdb: error: cannot be run as root\ninitdb: hint: log in\n", "cannot be run as root"},
		{"no error", "ready\n  done \n\n", "done"},
		{"beyond the tail", "FATAL: early\n" + strings.Repeat("line\n", tailSize), "line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := openOutput(filepath.Join(t.TempDir(), "log"))
			must(t, err)
			_, err = out.Write([]byte("FATAL: of the program before\n"))
			must(t, err)
			out.forget()
			_, err = out.Write([]byte(tt.written))
			must(t, err)
			if got := out.reason(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			must(t, out.close())
		})
	}
}
