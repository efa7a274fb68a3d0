// Package analysis reads a prompt and says what it asks for: the language, the
// kind of business, its name and place, the services, and which sections the
// site needs.
//
// It owns the vocabulary of business types and of the nineteen section kinds,
// and the word lists behind them (words/*.txt, one file per language).
//
// Invariants:
//   - [Analyze] is a pure function: no clock, no network, no randomness. The
//     same prompt and locale give the same [Analysis] on every machine.
//   - Any bytes are a valid prompt. Nothing is ever interpreted; a word is only
//     looked up in tables that this package built.
//   - What comes back is still the user's text where it is a name. It is free
//     of control and direction characters, but it is not escaped.
//
// It does not judge content, write copy or know what an engine does with the
// result.
package analysis
