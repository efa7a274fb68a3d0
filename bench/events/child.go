package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"syscall"
)

// The roles that this command plays as its own child.
const (
	roleLoad = "load"
	rolePeer = "peer"
)

// child is this command in another role. It is spoken to over its standard
// input and output, and ends when its input does: so also if the parent is
// killed.
type child struct {
	cmd  *exec.Cmd
	rpc  *rpc.Client
	role string
}

func startChild(ctx context.Context, role string) (*child, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, own, role)
	cmd.Stderr = os.Stderr
	// Not in the terminal's group: an interrupt goes to the parent, which ends
	// its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s process: %w", role, err)
	}
	return &child{cmd: cmd, role: role, rpc: rpc.NewClient(pipes{out, in})}, nil
}

// call invokes a method of the child and waits for its end or that of ctx.
func (c *child) call(ctx context.Context, method string, args, reply any) error {
	pending := c.rpc.Go(method, args, reply, make(chan *rpc.Call, 1))
	select {
	case done := <-pending.Done:
		if done.Error != nil {
			return fmt.Errorf("%s: %w", method, done.Error)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

// stop ends the child and waits for it.
func (c *child) stop() error {
	if err := c.rpc.Close(); err != nil && !errors.Is(err, rpc.ErrShutdown) {
		return err
	}
	var failed *exec.ExitError
	if err := c.cmd.Wait(); errors.As(err, &failed) && failed.ExitCode() >= 0 {
		return fmt.Errorf("the %s process: %w", c.role, err)
	}
	return nil
}

// serveParent is the child's side: it answers until the parent hangs up.
func serveParent(service any) error {
	if err := raiseFileLimit(); err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.Register(service); err != nil {
		return err
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	return nil
}

// pipes makes two pipes one connection.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(data []byte) (int, error) { return p.in.Write(data) }

func (p pipes) Close() error { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }

// raiseFileLimit allows a connection per subscriber.
func raiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}
