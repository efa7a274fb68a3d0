package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/bench/stack"
	"github.com/sheenapps/sheen/client"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
)

// fleet is a running node with the API and those that work.
type fleet struct {
	b     *bench
	url   string
	nodes []*exec.Cmd
	env   []string
}

// startFleet starts nodes on the bench's stores, and signs the users in with the
// first one's key. More are settings of all nodes.
func (b *bench) startFleet(ctx context.Context, workers int, more ...string) (*fleet, error) {
	f := &fleet{b: b}
	data := filepath.Join(b.dir, "api")
	f.env = append(os.Environ(),
		"SHEEN_DATABASE_URL="+b.stack.DatabaseURL, "SHEEN_REDIS_URL="+b.stack.RedisURL,
		"SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0", "SHEEN_LOG_LEVEL=warn",
		"SHEEN_BLOBS=file://"+filepath.Join(b.dir, "blobs"))
	f.env = append(f.env, more...)
	err := errors.Join(os.RemoveAll(filepath.Join(data, "server.json")), os.MkdirAll(filepath.Join(b.dir, "blobs"), 0o700))
	if err == nil {
		err = f.start(ctx, data, "serve", "--role", "api")
	}
	if err == nil {
		var address string
		address, err = stack.Listening(ctx, data)
		f.url = "http://" + address
	}
	for i := range workers {
		if err == nil {
			err = f.startWorker(ctx, i)
		}
	}
	if err == nil {
		err = b.signIn(ctx, f, data)
	}
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return f, nil
}

// startWorker starts a node that works and waits until it is ready to.
func (f *fleet) startWorker(ctx context.Context, number int) error {
	port, err := stack.FreePort(ctx)
	if err != nil {
		return err
	}
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	data := filepath.Join(f.b.dir, "worker"+strconv.Itoa(number))
	if err := f.start(ctx, data, "serve", "--role", "worker", "--metrics-listen", metrics); err != nil {
		return err
	}
	note("worker %d serves its profile at http://%s/debug/pprof/profile", number, metrics)
	return stack.Eventually(ctx, "a worker is up", time.Minute, func() bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", metrics)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

func (f *fleet) start(ctx context.Context, data string, args ...string) error {
	cmd := exec.CommandContext(ctx, f.b.sheen, args...)
	cmd.Env, cmd.Stderr = append(f.env, "SHEEN_DATA_DIR="+data), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start sheen: %w", err)
	}
	f.nodes = append(f.nodes, cmd)
	return nil
}

// workersCPU is what the nodes that work have used so far.
func (f *fleet) workersCPU() (total time.Duration, err error) {
	for _, node := range f.nodes[1:] {
		used, err := stack.CPUTime(node.Process.Pid)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

// stop ends all nodes, those that work first.
func (f *fleet) stop() error {
	var errs []error
	for i := len(f.nodes) - 1; i >= 0; i-- {
		errs = append(errs, stack.Terminate(f.nodes[i]))
	}
	return errors.Join(errs...)
}

// user is one of those whose builds are measured. There are enough of them that
// their accounts' locks do not count.
type user struct {
	id     uuid.UUID
	client *client.Client
}

const (
	userCount = 64
	// granted AI time is never used up, in seconds.
	granted = 100_000_000
)

// signIn makes the users, with all the AI time that they need.
func (b *bench) signIn(ctx context.Context, f *fleet, data string) error {
	known, env := b.users, append(f.env, "SHEEN_DATA_DIR="+data)
	b.users = nil
	for i := range userCount {
		id := uuid.New()
		if known != nil {
			id = known[i].id
		}
		token, err := stack.Token(ctx, b.sheen, env, id.String(), "user")
		if err != nil {
			return err
		}
		b.users = append(b.users, &user{id, client.New(f.url, client.WithStaticToken(token))})
		if known != nil {
			continue
		}
		admin, err := stack.Token(ctx, b.sheen, env, id.String(), "admin")
		if err != nil {
			return err
		}
		_, err = client.New(f.url, client.WithStaticToken(admin)).Billing.GrantCredits(ctx, &billingv1.GrantCreditsRequest{
			IdempotencyKey: "bench", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: granted, Reason: "bench",
		})
		if err != nil {
			return fmt.Errorf("grant: %w", err)
		}
	}
	return nil
}
