package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAccountFor(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := t.TempDir()
	owned := filepath.Join(root, "owned")
	must(t, os.Mkdir(owned, 0o700))
	must(t, os.Chown(owned, 4711, 4712))

	account, err := accountFor(owned)
	must(t, err)
	if account.Uid != 4711 || account.Gid != 4712 {
		t.Errorf("got %v, want the owner 4711:4712", account)
	}
	account, err = accountFor(filepath.Join(root, "absent"))
	must(t, err)
	if account.Uid == 0 || account.Gid == 0 {
		t.Errorf("got %v, want an unprivileged user", account)
	}
	if _, err := accountFor(root); !errors.Is(err, ErrNoAccount) {
		t.Errorf("root's own: got %v, want ErrNoAccount", err)
	}
}
