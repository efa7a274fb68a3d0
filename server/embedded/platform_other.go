//go:build unix && !linux

package embedded

import (
	"os"
	"syscall"
)

// lendsFolders tells that a process can be given a folder that it could not
// walk to itself. That needs Linux's /proc, so Postgres only ever runs as
// Sheen's own user here.
const lendsFolders = false

// lentFolder has no meaning here.
const lentFolder = ""

// childAttributes puts a child in its own process group, where Ctrl-C does not
// reach it. Nothing here tells it of its parent's death: the next start stops it.
func childAttributes(account *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Setpgid: true}
}

// syncFlags lets initdb sync what it makes.
func syncFlags() []string { return nil }

// syncCluster has nothing left to do after initdb.
func syncCluster(*os.File) error { return nil }
