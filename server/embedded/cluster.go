package embedded

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// errNotCluster says that something else stands where the cluster should be.
var errNotCluster = errors.New("its postgres/data is not a database cluster")

// cluster is a Postgres cluster's place on disk and what runs it.
type cluster struct {
	// data is the folder of the finished cluster; it lies in a folder that only
	// Sheen's user may enter.
	data     string
	programs programs
	account  *syscall.Credential
	out      *output
	// log is the file that an error may refer to: none for a new cluster, which
	// is removed with its log when it does not start.
	log string
}

// clusterMajor returns the major version that made the cluster at data, or 0
// when there is no cluster yet.
func clusterMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, absent(data)
	}
	if err != nil {
		return 0, err //nolint:wrapcheck // os names the file
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, errNotCluster
	}
	return major, nil
}

// absent returns an error when something is at data after all.
func absent(data string) error {
	_, err := os.Lstat(data)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	return errNotCluster
}

// create makes the cluster under another name and gives it its own when it is
// whole and on disk.
func (c *cluster) create(ctx context.Context) error {
	fresh := c.data + ".new"
	if err := c.sweep(ctx, fresh); err != nil {
		return err
	}
	folder, err := c.makeFolder(fresh)
	if err != nil {
		return err
	}
	err = c.fill(ctx, folder)
	return errors.Join(err, folder.Close())
}

// sweep removes what a killed start has left of a cluster, once initdb's
// processes have ended.
func (c *cluster) sweep(ctx context.Context, fresh string) error {
	folder, err := claim(ctx, fresh)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(fresh), folder.Close())
}

func (c *cluster) makeFolder(path string) (*os.File, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err //nolint:wrapcheck // os names the file
	}
	if c.account != nil {
		if err := os.Chown(path, int(c.account.Uid), int(c.account.Gid)); err != nil {
			return nil, err //nolint:wrapcheck // os names the file
		}
	}
	folder, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // os names the file
	}
	if err := tryLock(folder); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// fill runs initdb in the folder and publishes the result.
func (c *cluster) fill(ctx context.Context, folder *os.File) error {
	if err := c.initdb(ctx, folder); err != nil {
		return err
	}
	if err := includeSettings(folder.Name()); err != nil {
		return err
	}
	if err := syncCluster(folder); err != nil {
		return err
	}
	if err := os.Rename(folder.Name(), c.data); err != nil {
		return err //nolint:wrapcheck // os names both
	}
	return syncFolder(filepath.Dir(c.data))
}

func (c *cluster) initdb(ctx context.Context, folder *os.File) error {
	args := append([]string{
		"--username=" + role, "--encoding=UTF8", "--no-locale", "--no-instructions",
		"--auth-local=trust", "--auth-host=reject",
	}, syncFlags()...)
	cmd := c.command("initdb", folder, syscall.SIGKILL, args...)
	p, err := launch(cmd)
	if err != nil {
		return &PostgresError{Program: "initdb", Err: reason(err)}
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return context.Cause(ctx)
	}
	if p.err != nil {
		return &PostgresError{Program: "initdb", Reason: c.out.reason(), Err: p.err}
	}
	return nil
}

// command prepares a program that works on the open cluster folder. The program
// inherits the folder as descriptor 3 and with it the lock.
func (c *cluster) command(name string, folder *os.File, death syscall.Signal, args ...string) *exec.Cmd {
	path := folder.Name()
	if c.account != nil {
		path = lentFolder
	}
	// Not CommandContext: how a program is stopped is not the same for both.
	cmd := exec.Command(filepath.Join(c.programs.dir, name), append([]string{"-D", path}, args...)...) //nolint:noctx,gosec // see above; what it runs was found by us
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.ExtraFiles = []*os.File{folder}
	cmd.Stdout, cmd.Stderr = c.out, c.out
	cmd.SysProcAttr = childAttributes(c.account, death)
	return cmd
}

// environment is the little that Postgres needs. Sheen's own environment holds
// keys that its user must not see, and PG* variables would change its settings.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// syncFolder makes a rename inside the folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	return errors.Join(folder.Sync(), folder.Close())
}
