package embedded

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// fastStop is how long a fast shutdown may take: it writes a checkpoint.
	fastStop = 10 * time.Second
	// immediateStop is how long an immediate shutdown may take: it writes nothing.
	immediateStop = 5 * time.Second
	// drainDelay is how long a dead process's grandchildren may keep its output open.
	drainDelay = time.Second
)

// process is a running child that leads its own process group.
type process struct {
	cmd *exec.Cmd
	// done is closed when the child has ended and been waited for.
	done chan struct{}
	// err is how it ended; to be read after done.
	err error
}

// launch starts the command. The kernel watches the thread that forked on the
// child's behalf, not the process, so that thread is kept until the child ends.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	cmd.WaitDelay = drainDelay
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, <-started
}

// stop ends a postmaster: a fast shutdown first, an immediate one when that
// takes too long or ctx ends, and at last the whole group by force. No committed
// data is lost by any of them. It returns once the process is gone.
func (p *process) stop(ctx context.Context) {
	p.signal(syscall.SIGINT)
	if p.endsWithin(ctx, fastStop) {
		return
	}
	p.signal(syscall.SIGQUIT)
	if p.endsWithin(context.WithoutCancel(ctx), immediateStop) {
		return
	}
	p.kill()
}

// kill ends the process and its group by force and waits until it is gone.
func (p *process) kill() {
	// The one possible error says that the group has gone by itself.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) signal(sig syscall.Signal) {
	// The one possible error says that it has ended, which done tells as well.
	_ = p.cmd.Process.Signal(sig)
}

func (p *process) endsWithin(ctx context.Context, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}
