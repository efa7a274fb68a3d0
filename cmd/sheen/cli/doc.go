// Package cli is the command line of Sheen: it reads arguments, starts or finds
// a server, and shows a build to whoever waits for it.
//
// Exit status: 0 when what was asked for is done, 1 when it failed, 2 for a
// wrong call, 130 when it was interrupted before it was done. Interrupting a
// preview that is served after a complete build is its normal end: 0.
//
// Invariants:
//   - What can be wrong with a call is found before anything is started.
//   - Every failure is one sentence on stderr that says what to do.
//   - stdout holds what was asked for and nothing else.
//   - Whatever was started is stopped before Run returns, except after a second
//     interrupt, which ends the program at once.
//
// It has no business logic: it speaks to the server through its API, also when
// that runs in the same process.
package cli
