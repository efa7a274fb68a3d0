// Package view shows a build while it runs: live on a terminal, as plain lines
// where the output is not one, as JSON lines for programs.
//
// [Model] turns events into what there is to see; a [Renderer] shows it. All
// three renderers show the same model.
//
// Invariants:
//   - Text from a build is data: no control character of it reaches a terminal.
//   - Only the terminal renderer writes escape codes, and it leaves the terminal
//     as it found it, whenever it is stopped.
//   - Right-to-left text is written in its logical order; the terminal turns it.
//   - Lines that were finished are never touched again; only the few at the
//     bottom are redrawn.
//
// It does not talk to a server and does not decide how a program ends.
package view
