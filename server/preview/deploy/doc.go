// Package deploy puts versions online: on [Local], the project's own address on
// the preview server, or on [Pages], which runs Cloudflare's command line tool.
//
// # Invariants
//
//   - A deployment is of one root: which files go online is decided when it is
//     asked for, not when it is done.
//   - What a target's tool gets is a folder with the version's files and nothing
//     else, an environment of what it needs, and no shell.
//   - A file reaches the disk only under its own path inside that folder.
//   - Every failure is an [*Error] that says whether the same may work later.
//
// The package does not know who may deploy, in which order, or how often it is
// tried. A deployment that is done twice is the same site twice.
package deploy
