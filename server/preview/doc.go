// Package preview keeps the files of versions and serves them as preview sites.
//
// It owns four things:
//   - [Blobs]: the content of files, stored once under its own SHA-256.
//   - [Root]: the digest that stands for a version as a whole.
//   - [Label], [SiteLabel] and [Origin]: the host names under which a version,
//     and the deployed version of a project, are served.
//   - [Handler] and [Probe]: serving a version, and asking a served version
//     whether it works.
//
// # Invariants
//
//   - A blob is read back whole and verified, or not at all: damaged content is
//     [ErrCorrupt], never wrong bytes.
//   - A request reaches a file only by being equal to a path in the version's
//     file table. Nothing of a request is ever joined to a file name.
//   - Every version has its own origin, every page runs sandboxed, and no
//     response sets or depends on a cookie.
//   - What a label does not name answers exactly like what does not exist.
//
// Which version has which files is the caller's knowledge, asked for through
// [VersionFiles]. The package does not know builds, users or money, and does
// not judge a site: that is sitecheck's task.
package preview
