package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// accountFor returns who Postgres runs as: nil for Sheen's own user, and for
// root the owner of the cluster at data or, when there is none yet, the first
// unprivileged user that the machine has.
func accountFor(data string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no credential is what exec calls "as myself"
	}
	if !lendsFolders {
		return nil, ErrNoAccount
	}
	info, err := os.Stat(data)
	if errors.Is(err, os.ErrNotExist) {
		return unprivileged()
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // os names the file
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil, fmt.Errorf("%s belongs to root: %w", data, ErrNoAccount)
	}
	return &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}, nil
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, ErrNoAccount
}
