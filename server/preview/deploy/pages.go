package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sheenapps/sheen/server/preview"
)

// PagesName is the name of [Pages].
const PagesName = "cloudflare-pages"

const (
	// commitLength is the length of a commit's name in hexadecimal; a root is
	// longer, and stands whole in the commit's message.
	commitLength = 40
	// exitDelay is how long the tool's children may keep its output open.
	exitDelay = 2 * time.Second
	// exitNotRunnable and exitNotFound are what a shell, and env, end with for a
	// program that cannot be run or is not there.
	exitNotRunnable = 126
	exitNotFound    = 127
	// folderPrefix begins the names of the folders that the tool works in.
	folderPrefix = "deploy-"
)

// PagesOptions describe a [Pages]. All fields are required.
type PagesOptions struct {
	// Command is the tool, wrangler: a name to look for in PATH, or a path.
	Command string
	// Project is the Pages project. Every project of ours is a branch of it.
	Project string
	// AccountID and APIToken are the account's.
	AccountID, APIToken string
	// Dir is where the folders are made that the tool works in.
	Dir string
	// Timeout bounds a deployment.
	Timeout time.Duration
	Blobs   *preview.Blobs
}

// Pages is Cloudflare Pages, by way of `wrangler pages deploy`.
type Pages struct{ opts PagesOptions }

// NewPages makes the target. Whether the tool and the credentials work shows
// with the first deployment.
func NewPages(opts PagesOptions) *Pages { return &Pages{opts: opts} }

// Name implements [Target].
func (*Pages) Name() string { return PagesName }

// Immediate implements [Target].
func (*Pages) Immediate() bool { return false }

// errTimeout is the cause when a deployment takes too long.
var errTimeout = errors.New("the deployment took too long")

// Deploy implements [Target]. The address is the deployment's own, which never
// shows another root.
func (p *Pages) Deploy(ctx context.Context, site Site) (string, error) {
	work, cancel := context.WithTimeoutCause(ctx, p.opts.Timeout, errTimeout)
	defer cancel()
	url, err := p.deploy(work, site)
	switch {
	case err == nil:
		return url, nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("deploy: %w", context.Cause(ctx))
	case work.Err() != nil:
		return "", &Error{Reason: Timeout, Retryable: true, Err: errors.Join(errTimeout, err)}
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return "", err
	}
	return "", &Error{Reason: Internal, Retryable: true, Err: err}
}

func (p *Pages) deploy(ctx context.Context, site Site) (url string, err error) {
	command, err := exec.LookPath(p.opts.Command)
	if err != nil {
		return "", &Error{Reason: NotInstalled, Err: fmt.Errorf("look for wrangler: %w", err)}
	}
	if err := p.clear(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(p.opts.Dir, folderPrefix)
	if err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	folder, home := filepath.Join(dir, "site"), filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(folder, folderMode), os.Mkdir(home, folderMode)); err != nil {
		return "", fmt.Errorf("make folders: %w", err)
	}
	if err := writeSite(ctx, folder, site.Files, p.opts.Blobs); err != nil {
		return "", err
	}
	return p.run(ctx, command, home, folder, site)
}

// clear deletes the folders of deployments that cannot be running any more: their
// processes were killed.
func (p *Pages) clear() error {
	entries, err := os.ReadDir(p.opts.Dir)
	if err != nil {
		return fmt.Errorf("look for old folders: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if !strings.HasPrefix(entry.Name(), folderPrefix) || err != nil || time.Since(info.ModTime()) <= 2*p.opts.Timeout {
			continue // Another's, gone by now, or maybe at work.
		}
		if err := os.RemoveAll(filepath.Join(p.opts.Dir, entry.Name())); err != nil {
			return fmt.Errorf("delete an old folder: %w", err)
		}
	}
	return nil
}

// run runs the tool in its own home, where it finds no settings, and with
// nothing of the server's environment but the search path.
func (p *Pages) run(ctx context.Context, command, home, folder string, site Site) (string, error) {
	root := site.Root.String()
	cmd := exec.CommandContext(ctx, command, "pages", "deploy", folder, //nolint:gosec // an operator names the command
		"--project-name="+p.opts.Project,
		"--branch="+preview.SiteLabel(site.Project),
		"--commit-hash="+root[:commitLength],
		"--commit-message=sheen "+root,
		"--commit-dirty=true")
	cmd.Dir = home
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"CLOUDFLARE_API_TOKEN=" + p.opts.APIToken,
		"CLOUDFLARE_ACCOUNT_ID=" + p.opts.AccountID,
	}
	// It is a script that starts programs, which end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	killAll := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = killAll
	cmd.WaitDelay = exitDelay
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.Process != nil {
		_ = killAll() // What it left behind has its environment, and so the token.
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // It ended well itself.
	}
	return answerOf(p.redact(out.String()), err)
}

// redact keeps the credentials out of what may be logged.
func (p *Pages) redact(output string) string {
	if p.opts.APIToken == "" {
		return output
	}
	return strings.ReplaceAll(output, p.opts.APIToken, "***")
}

// answerOf makes the answer of what the tool printed and how it ended. It has
// been seen to end well after an error.
func answerOf(output string, err error) (string, error) {
	text := plain(output)
	if err == nil {
		if url := deployedURL(text); url != "" {
			return url, nil
		}
		failed := failureOf(text)
		if failed.Reason == OutputUnclear {
			// It may have worked. Again would bring the same words.
			failed.Retryable = false
		}
		return "", failed
	}
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		ran && (exit.ExitCode() == exitNotFound || exit.ExitCode() == exitNotRunnable):
		return "", &Error{Reason: NotInstalled, Err: fmt.Errorf("run wrangler: %w: %s", err, lastLines(text))}
	case !ran:
		return "", fmt.Errorf("run wrangler: %w", err)
	}
	failed := failureOf(text)
	failed.Err = fmt.Errorf("%w: %w", err, failed.Err)
	return "", failed
}
