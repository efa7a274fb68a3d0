package deploy_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob/memblob"

	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
)

const (
	apiToken = "cf_c4n4ry"
	branch   = "paghs2pcllj6g3du7ucy4fu7e6u"
	done     = "✨ Deployment complete! Take a peek over at https://4f10cf4f.sites.pages.dev\n"
)

// testBundle is the target with a stand-in for the tool.
type testBundle struct {
	t    *testing.T
	opts deploy.PagesOptions
	site deploy.Site
	// report is where the stand-in and the test exchange what they know.
	report string
}

// setup makes a site of two files, and a stand-in that prints output and ends so.
func setup(t *testing.T, output string, exit int) *testBundle {
	t.Helper()
	command, err := filepath.Abs(filepath.Join("testdata", "wrangler"))
	must(t, err)
	b := &testBundle{t: t, report: t.TempDir(), opts: deploy.PagesOptions{
		Command: command, Project: "sites", APIToken: apiToken, Dir: t.TempDir(),
		Timeout: time.Minute, Blobs: preview.NewBlobs(memblob.OpenBucket(nil)),
	}}
	b.opts.AccountID = b.report
	b.site.Project = uuid.MustParse("018f2d3c-4b5a-7c6d-8e9f-a0b1c2d3e4f5")
	b.add("index.html", "<title>one</title>")
	b.add("assets/fonts/a.css", "a{}")
	b.site.Root = preview.Root(preview.Manifest{Files: b.site.Files})
	b.tell("output", output)
	b.tell("exit", strconv.Itoa(exit))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) add(path, content string) {
	b.t.Helper()
	digest, err := b.opts.Blobs.Put(b.t.Context(), []byte(content))
	must(b.t, err)
	b.site.Files = append(b.site.Files, preview.FileEntry{Path: path, Digest: digest, Size: int64(len(content))})
}

func (b *testBundle) tell(name, content string) {
	b.t.Helper()
	must(b.t, os.WriteFile(filepath.Join(b.report, name), []byte(content), 0o600))
}

func (b *testBundle) told(name string) string {
	b.t.Helper()
	content, err := os.ReadFile(filepath.Join(b.report, name))
	must(b.t, err)
	return string(content)
}

// ran reports whether the stand-in was started.
func (b *testBundle) ran() bool {
	_, err := os.Stat(filepath.Join(b.report, "args"))
	return err == nil
}

// deploy deploys and checks that nothing is left on the disk.
func (b *testBundle) deploy(ctx context.Context) (string, error) {
	b.t.Helper()
	url, err := deploy.NewPages(b.opts).Deploy(ctx, b.site)
	left, readErr := os.ReadDir(b.opts.Dir)
	must(b.t, readErr)
	if len(left) != 0 {
		b.t.Errorf("left on the disk: %v", left)
	}
	return url, err
}

func TestPagesRunsTheTool(t *testing.T) {
	t.Parallel()
	b := setup(t, done, 0)
	url, err := b.deploy(t.Context())
	if err != nil || url != "https://4f10cf4f.sites.pages.dev/" {
		t.Fatalf("got %q, %v", url, err)
	}
	root := b.site.Root.String()
	args := strings.Split(strings.TrimSpace(b.told("args")), "\n")
	if len(args) < 3 || filepath.Base(args[2]) != "site" {
		t.Fatalf("arguments %q", args)
	}
	want := []string{
		"pages", "deploy", args[2], "--project-name=sites", "--branch=" + branch,
		"--commit-hash=" + root[:40], "--commit-message=sheen " + root, "--commit-dirty=true",
	}
	if !slices.Equal(args, want) {
		t.Errorf("arguments %q, want %q", args, want)
	}
	for _, file := range []struct{ path, content string }{{"index.html", "<title>one</title>"}, {"assets/fonts/a.css", "a{}"}} {
		if got := b.told(filepath.Join("site", file.path)); got != file.content {
			t.Errorf("%s is %q", file.path, got)
		}
	}
	// No settings of the machine: neither where it works nor where it is at home.
	home := strings.TrimSpace(b.told("cwd"))
	if !strings.HasPrefix(home, b.opts.Dir) || strings.HasPrefix(args[2], home) {
		t.Errorf("works in %s on %s", home, args[2])
	}
	var env []string
	for line := range strings.Lines(b.told("env")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "PWD", "OLDPWD", "SHLVL", "_": // The shell's own.
			continue
		case "HOME":
			if value != home {
				t.Errorf("HOME is %s", value)
			}
		case "CLOUDFLARE_API_TOKEN":
			if value != apiToken {
				t.Errorf("the token is %s", value)
			}
		}
		env = append(env, name)
	}
	slices.Sort(env)
	if !slices.Equal(env, []string{"CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "HOME", "PATH"}) {
		t.Errorf("environment %q", env)
	}
}

// What the tool has been seen to print, in several releases and on terminals.
func TestPagesFindsTheAddress(t *testing.T) {
	t.Parallel()
	const address = "https://4f10cf4f.sites.pages.dev/"
	alias := "✨ Deployment alias URL: https://" + branch + ".sites.pages.dev\n"
	for name, test := range map[string]struct{ output, want string }{
		"plain":       {"🌍  Uploading... (2/2)\n\n✨ Success! Uploaded 2 files (1.28 sec)\n\n🌎 Deploying...\n" + done + alias, address},
		"alias first": {alias + done, address},
		"only alias":  {alias, "https://" + branch + ".sites.pages.dev/"},
		"final slash": {"✨ Deployment complete! Take a peek over at https://4f10cf4f.sites.pages.dev/\n", address},
		"colors": {
			"\x1b[33m▲ \x1b[43;33m[\x1b[43;30mWARNING\x1b[43;33m]\x1b[0m \x1b[1mPages now has wrangler.toml support: https://developers.cloudflare.com/pages\x1b[0m\n" +
				"✨ Deployment complete! Take a peek over at \x1b[4mhttps://\x1b[1m4f10cf4f\x1b[22m.sites.pages.dev\x1b[24m\n", address,
		},
		"links": {
			"Deployed to \x1b]8;;https://dash.cloudflare.com/?to=/pages/view/other.pages.dev\x1b\\https://4f10cf4f.sites.pages.dev\x1b]8;;\x1b\\.\r\n" +
				"Project \x1b]8;;https://x.pages.dev\x07sites\x1b]8;;\x07\n", address,
		},
		"progress":     {"Uploading... (0/2)\rUploading... (2/2)\rPublished https://4f10cf4f.sites.pages.dev (1 sec)\n", address},
		"long":         {strings.Repeat("✨ Uploading a file of the site\n", 20_000) + done, address},
		"not UTF-8":    {"\xff\xfe" + done, address},
		"own projects": {"See https://pages.dev and https://dash.cloudflare.com/pages.dev\n" + done, address},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := setup(t, test.output, 0).deploy(t.Context()); err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// failed wraps a complaint as the tool does.
func failed(complaint string) string {
	return "\n ⛅️ wrangler 4.40.2\n───────────────────\n" +
		"\x1b[31m✘ \x1b[41;31m[\x1b[41;97mERROR\x1b[41;31m]\x1b[0m \x1b[1mA request to the Cloudflare API (/accounts/429/pages/projects/sites) failed.\x1b[0m\n\n  " +
		complaint + "\n\n📎 It looks like you are authenticating Wrangler via a custom API token set in an environment variable.\n" +
		"Please ensure it has the correct permissions for this operation.\n"
}

func TestPagesFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		output    string
		exit      int
		reason    deploy.Reason
		retryable bool
	}{
		"token":             {failed("Authentication error [code: 10000]"), 1, deploy.NotAuthenticated, false},
		"bad token":         {failed("Unable to authenticate request [code: 10001]"), 1, deploy.NotAuthenticated, false},
		"no token":          {"✘ [ERROR] In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable for wrangler to work.\n", 1, deploy.NotAuthenticated, false},
		"not logged in":     {"You are not logged in.\n", 1, deploy.NotAuthenticated, false},
		"account":           {failed("Could not route to /client/v4/accounts/429, perhaps your object identifier is invalid? [code: 7003]"), 1, deploy.NotAuthenticated, false},
		"limited":           {failed("Rate limited. Please wait and consider throttling your request speed [code: 10000]"), 1, deploy.RateLimited, true},
		"limited by status": {"✘ [ERROR] Failed to upload files. Too Many Requests\n", 1, deploy.RateLimited, true},
		"project":           {failed("Project not found. The specified project name does not match any of your existing projects. [code: 8000007]"), 1, deploy.ProjectMissing, false},
		"ended well":        {failed("Project not found. [code: 8000007]"), 0, deploy.ProjectMissing, false},
		"fetch":             {"✘ [ERROR] fetch failed\n", 1, deploy.Network, true},
		"name":              {"Error: getaddrinfo ENOTFOUND api.cloudflare.com\n", 1, deploy.Network, true},
		"gateway":           {failed("Received a malformed response from the API"), 1, deploy.Network, true},
		"old node":          {"Wrangler requires at least Node.js v20.0.0. You are using v16.20.2.\n", 1, deploy.NotInstalled, false},
		"no node":           {"env: 'node': No such file or directory\n", 127, deploy.NotInstalled, false},
		"blocked":           {failed("Your Pages project has been blocked. [code: 8000119]"), 1, deploy.OutputUnclear, true},
		"silent":            {"", 1, deploy.OutputUnclear, true},
		"silent and well":   {"", 0, deploy.OutputUnclear, false},
		"elsewhere":         {"Take a peek over at https://sites.example.com\n", 0, deploy.OutputUnclear, false},
		"address, but bad":  {done + failed("Unknown [code: 1]"), 1, deploy.OutputUnclear, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.output+"token "+apiToken+"\n", test.exit)
			url, err := b.deploy(t.Context())
			b.expect(url, err, test.reason, test.retryable)
			if !b.ran() {
				t.Error("the tool did not run")
			}
		})
	}
}

// expect checks an error, and that it keeps the token to itself.
func (b *testBundle) expect(url string, err error, reason deploy.Reason, retryable bool) {
	b.t.Helper()
	got, ok := errors.AsType[*deploy.Error](err)
	if !ok || got.Reason != reason || got.Retryable != retryable || url != "" {
		b.t.Fatalf("got %q, %v (%+v), want %s, retryable %v", url, err, got, reason, retryable)
	}
	if strings.Contains(err.Error(), apiToken) {
		b.t.Errorf("shows the token: %v", err)
	}
}

func TestPagesToolMissing(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"no-such-wrangler", "testdata/none", "testdata/not-executable", "testdata/no-interpreter"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			b := setup(t, done, 0)
			b.opts.Command = command
			if strings.Contains(command, "/") {
				var err error
				b.opts.Command, err = filepath.Abs(command)
				must(t, err)
			}
			url, err := b.deploy(t.Context())
			b.expect(url, err, deploy.NotInstalled, false)
		})
	}
}

// Neither the tool nor what it started outlives a deployment that takes too long.
func TestPagesTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t, done, 0)
	b.tell("hang", "")
	b.opts.Timeout = 300 * time.Millisecond
	url, err := b.deploy(t.Context())
	b.expect(url, err, deploy.Timeout, true)
}

func TestPagesStops(t *testing.T) {
	t.Parallel()
	b := setup(t, done, 0)
	b.tell("hang", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := b.deploy(ctx)
		ended <- err
	}()
	child := filepath.Join(b.report, "child")
	eventually(t, "the tool runs", func() bool {
		_, err := os.Stat(child)
		return err == nil
	})
	pid, err := strconv.Atoi(strings.TrimSpace(b.told("child")))
	must(t, err)
	cancel()
	err = <-ended
	if _, typed := errors.AsType[*deploy.Error](err); typed || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	eventually(t, "the tool's child is gone", func() bool { return !alive(pid) })
}

// A child that the tool leaves behind neither delays nor outlives the answer.
func TestPagesLeavesNoChild(t *testing.T) {
	t.Parallel()
	for _, exit := range []int{0, 1} {
		b := setup(t, done, exit)
		b.tell("linger", "")
		url, err := b.deploy(t.Context())
		if exit == 0 && (err != nil || url != "https://4f10cf4f.sites.pages.dev/") {
			t.Errorf("got %q, %v", url, err)
		}
		if exit != 0 {
			b.expect(url, err, deploy.OutputUnclear, true)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(b.told("child")))
		must(t, err)
		eventually(t, "the child is gone", func() bool { return !alive(pid) })
	}
}

// What a process that was killed left behind goes with the next deployment, and
// nothing else does.
func TestPagesClearsUp(t *testing.T) {
	t.Parallel()
	b := setup(t, done, 0)
	folder := func(name string, age time.Duration) string {
		path := filepath.Join(b.opts.Dir, name)
		must(t, os.MkdirAll(filepath.Join(path, "site"), 0o700))
		then := time.Now().Add(-age)
		must(t, os.Chtimes(path, then, then))
		return path
	}
	folder("deploy-old", 2*b.opts.Timeout+time.Minute)
	running, other := folder("deploy-running", b.opts.Timeout), folder("blobs", time.Hour)
	_, err := deploy.NewPages(b.opts).Deploy(t.Context(), b.site)
	must(t, err)
	left, err := filepath.Glob(filepath.Join(b.opts.Dir, "*"))
	must(t, err)
	if !slices.Equal(left, []string{other, running}) {
		t.Errorf("left %v", left)
	}
}

// alive reports whether a process is there and not merely waiting to be reaped.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !so(); time.Sleep(5 * time.Millisecond) { //nolint:forbidigo // polls a process, bounded
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}

func TestPagesRefusesFiles(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"_worker.js", "_worker.js/index.js", "_WORKER.js", "_routes.json",
		"../out", "/etc/x", "a/../../b", "a//b", "", ".", "a\\b", "c:x", "a\x00b",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := setup(t, done, 0)
			b.add(path, "x")
			url, err := b.deploy(t.Context())
			b.expect(url, err, deploy.FileRefused, false)
			if b.ran() {
				t.Error("the tool ran")
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		b := setup(t, done, 0)
		b.site.Files[1].Digest[0]++
		url, err := b.deploy(t.Context())
		b.expect(url, err, deploy.Internal, true)
		if b.ran() {
			t.Error("the tool ran")
		}
	})
}

func TestTargets(t *testing.T) {
	t.Parallel()
	local := deploy.NewLocal(preview.Origin{Scheme: "http", Domain: "preview.localhost", Port: 8081})
	targets := deploy.NewTargets(local, deploy.NewPages(deploy.PagesOptions{}))
	for name, want := range map[string]string{"": "local", "local": "local", "cloudflare-pages": "cloudflare-pages"} {
		if got, err := targets.Find(name); err != nil || got.Name() != want {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	if _, err := targets.Find("ftp"); !errors.Is(err, deploy.ErrUnknown) || !strings.Contains(err.Error(), "local, cloudflare-pages") {
		t.Errorf("ftp: %v", err)
	}
	url, err := local.Deploy(t.Context(), deploy.Site{Project: uuid.MustParse("018f2d3c-4b5a-7c6d-8e9f-a0b1c2d3e4f5")})
	if err != nil || url != "http://"+branch+".preview.localhost:8081/" || !local.Immediate() {
		t.Errorf("local: %q, %v", url, err)
	}
}
