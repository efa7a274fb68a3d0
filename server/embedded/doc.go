// Package embedded runs Postgres and Redis for one machine without set-up.
//
// [Start] takes a data folder and returns two addresses. Postgres is a real
// one, from the machine's packages or fetched; Redis is served from inside the
// process. [Embedded.Close] stops both.
//
// # The data folder
//
//	lock                 held for as long as this process lives; names its pid
//	postgres/            0700: nobody but Sheen's user gets past it
//	postgres/data        the cluster
//	postgres/data.new    a cluster that is being made; never used, swept away
//	postgres/log, log.1  what Postgres had to say, at most 1 MiB each
//
// # Invariants
//
//   - One Sheen per data folder. The lock is the kernel's (flock), so a killed
//     holder blocks nobody.
//   - At most one set of Postgres processes per cluster. Each of them inherits
//     one open file of the cluster's folder that is locked too: the lock falls
//     with the last of them, whoever started it and however it died. Nothing is
//     ever concluded from a pid file.
//   - postgres/data is whole: it is made under another name, synced, and renamed.
//   - A Start that fails leaves no process and none of the files it made.
//   - Postgres listens on a Unix socket in its own folder and on no port. Redis
//     listens on a free port of 127.0.0.1 and wants a random password.
//   - Interrupting the terminal does not reach Postgres; the death of Sheen does
//     (on Linux), and stops it as cleanly as Close would.
//
// # Root
//
// Postgres refuses to run as root. There it runs as the user postgres, or else
// nobody. That user need not be able to walk to the data folder, which may well
// be under a closed /root: Postgres is handed the folder as an open file and
// knows it as /proc/self/fd/3. No folder's permissions are widened for it. This
// needs Linux; elsewhere root is refused with [ErrNoAccount].
//
// # What it does not do
//
// It makes no schema and upgrades no cluster to another major version. Redis
// forgets everything when it stops. Windows is not supported.
package embedded
