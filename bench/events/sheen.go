package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/bench/stack"
)

// owner is the user whose builds are measured.
const owner = "00000000-0000-4000-8000-0000000000be"

// sheen is a running server, with the tokens to read and to append.
type sheen struct {
	cmd                     *exec.Cmd
	backing                 *backing
	url, metricsURL         string
	userToken, serviceToken string
}

// startSheen starts a server that runs no builds, so that nothing but the
// bench appends to them.
func startSheen(ctx context.Context, command string, on *backing, dir string) (*sheen, error) {
	data := filepath.Join(dir, "sheen")
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "SHEEN_DATA_DIR="+data, "SHEEN_LISTEN=127.0.0.1:0", "SHEEN_PREVIEW_LISTEN=127.0.0.1:0",
		"SHEEN_LOG_LEVEL=warn", "SHEEN_DATABASE_URL="+on.DatabaseURL, "SHEEN_REDIS_URL="+on.RedisURL)
	s := &sheen{backing: on}
	args := []string{"serve", "--role", "api"}
	if listen, ok, err := metricsListen(ctx, command); err != nil {
		return nil, err
	} else if ok {
		s.metricsURL = "http://" + listen + "/metrics"
		args = append(args, "--metrics-listen", listen)
	}
	s.cmd = exec.CommandContext(ctx, command, args...)
	s.cmd.Env, s.cmd.Stderr, s.cmd.SysProcAttr = env, os.Stderr, &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start sheen: %w", err)
	}
	address, err := stack.Listening(ctx, data)
	if err == nil {
		s.url = "http://" + address
		s.userToken, err = stack.Token(ctx, command, env, owner, "user")
	}
	if err == nil {
		s.serviceToken, err = stack.Token(ctx, command, env, owner, "service")
	}
	if err != nil {
		_ = s.stop()
		return nil, err
	}
	return s, nil
}

func (s *sheen) stop() error { return stack.Terminate(s.cmd) }

func (s *sheen) pid() int { return s.cmd.Process.Pid }

// metricsListen picks an address for the metrics, if the server has them.
func metricsListen(ctx context.Context, command string) (address string, ok bool, err error) {
	// The help goes to either output, and its exit code says nothing.
	help, err := exec.CommandContext(ctx, command, "serve", "-h").CombinedOutput()
	if err != nil && len(help) == 0 {
		return "", false, fmt.Errorf("run %s: %w", command, err)
	}
	if !strings.Contains(string(help), "--metrics-listen") {
		return "", false, nil
	}
	port, err := stack.FreePort(ctx)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), true, err
}

// newBuilds makes builds that a worker holds, with the fencing token lease, and
// whose logs are empty.
func (b *backing) newBuilds(ctx context.Context, count int) ([]string, error) {
	builds, projects := make([]string, count), make([]string, count)
	for i := range builds {
		build, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		builds[i], projects[i] = build.String(), uuid.NewString()
	}
	_, err := b.DB.Exec(ctx, `
		WITH made AS (
			INSERT INTO projects (id, user_id) SELECT unnest($2::uuid[]), $3
		)
		INSERT INTO builds (id, build_session_id, request_hash, user_id, project_id, operation, prompt, locale,
			state, lease_token, lease_expire_time, attempt, hold_id, held_seconds, start_time)
		SELECT build, 'bs_' || build, decode(repeat('00', 32), 'hex'), $3, project, 'main_build', 'bench', 'en',
			'coding', $4, now() + interval '1 day', 1, gen_random_uuid(), 0, now()
		FROM unnest($1::uuid[], $2::uuid[]) AS made (build, project)`,
		builds, projects, owner, lease)
	if err != nil {
		return nil, fmt.Errorf("make builds: %w", err)
	}
	return builds, nil
}
