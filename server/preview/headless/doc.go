// Package headless opens the pages of a site in a Chromium without a window: the
// part of the tests that sees what happens when a page runs.
//
// A page fails for an uncaught error, for a request of its own that fails or
// leaves the site, for what the browser forbids it, for scripts that never come
// to an end or send the visitor on and on, and if it shows no text.
//
// # Invariants
//
//   - The browser reaches the address that serves the site, and nothing else: no
//     other name resolves, and it inherits nothing of the environment.
//   - A [Browser] runs one process at a time, with a profile of its own, which is
//     gone with the process when [Browser.Open] returns.
//   - What the browser itself gets wrong is [ErrBrowser], never a failure of the
//     site.
//
// # What it does not do
//
// It opens pages; it does not press their buttons. It opens the first few pages
// only, see [MaxPages].
package headless
