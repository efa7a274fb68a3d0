package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Listening waits for the file in which a server says where its API listens, in its
// data folder, and returns host and port.
func Listening(ctx context.Context, dataDir string) (string, error) {
	var at struct{ Listen string }
	err := Eventually(ctx, "sheen listens", time.Minute, func() bool {
		raw, err := os.ReadFile(filepath.Join(dataDir, "server.json"))
		return err == nil && json.Unmarshal(raw, &at) == nil && at.Listen != ""
	})
	return at.Listen, err
}

// Token has the command issue a token for a user in a role, with the key of the data
// folder that env names.
func Token(ctx context.Context, command string, env []string, user, role string) (string, error) {
	cmd := exec.CommandContext(ctx, command, "token", "--user", user, "--role", role, "--ttl", "24h")
	cmd.Env = env
	signed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("sheen token: %w", err)
	}
	return strings.TrimSpace(string(signed)), nil
}
