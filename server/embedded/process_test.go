package embedded

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestProcess_Stop(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, want string }{
		{"fast", "trap 'exit 1' INT; trap 'exit 2' QUIT", "exit status 1"},
		{"immediate", "trap '' INT; trap 'exit 2' QUIT", "exit status 2"},
		{"by force", "trap '' INT QUIT", "signal: killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ready := make(chanWriter, 1)
			cmd := exec.Command("/bin/sh", "-c", tt.script+"; echo ready; while :; do sleep 0.01; done")
			cmd.Stdout = ready
			cmd.SysProcAttr = childAttributes(nil, syscall.SIGKILL)
			p, err := launch(cmd)
			must(t, err)
			<-ready

			ctx := t.Context()
			if tt.name != "fast" {
				canceled, cancel := context.WithCancel(ctx)
				cancel()
				ctx = canceled
			}
			p.stop(ctx)
			if p.err == nil || !strings.Contains(p.err.Error(), tt.want) {
				t.Errorf("ended with %v, want %s", p.err, tt.want)
			}
			p.stop(ctx) // once more does no harm
		})
	}
}

// chanWriter passes on that something was written.
type chanWriter chan struct{}

func (w chanWriter) Write(p []byte) (int, error) {
	w <- struct{}{}
	return len(p), nil
}
