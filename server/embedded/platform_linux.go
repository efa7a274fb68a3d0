package embedded

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lendsFolders tells that a process can be given a folder that it could not
// walk to itself.
const lendsFolders = true

// lentFolder is how a child names the folder that it got as its descriptor 3.
// The kernel follows this link without looking at the folders above.
const lentFolder = "/proc/self/fd/3"

// childAttributes puts a child in its own process group, where Ctrl-C does not
// reach it, and has the kernel send it death when the thread that started it ends.
func childAttributes(account *syscall.Credential, death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Setpgid: true, Pdeathsig: death}
}

// syncFlags makes initdb leave syncing to syncCluster, which is one call
// instead of a thousand.
func syncFlags() []string { return []string{"--no-sync"} }

// syncCluster writes everything in the folder to disk.
func syncCluster(folder *os.File) error {
	if err := unix.Syncfs(int(folder.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", folder.Name(), err)
	}
	return nil
}
