// Package engine is the port behind which sites are planned and written.
//
// An [Engine] is given a [Request] and streams what it makes into a [Sink]. It
// owns no state: what must survive a crash is in the [Plan] and in the files
// that its caller has stored. Folders below hold an implementation each:
// offline writes real sites from rules and templates and needs no key.
//
// Invariants:
//   - The same request gives the offline engine's same bytes, on every node.
//   - What an engine returns is data. Its paths are not trusted: [CleanPath]
//     decides what a path may be before anything is stored under it.
//
// The package does not know builds, events or money; server/build brings them
// together.
package engine
