// Package recommend proposes what to do with a site next.
//
// Quick suggestions are there at once: [Quick] takes facts about a site, lets
// the pure rules of the folder rules choose among nineteen kinds and words the
// outcome in the asked locale.
//
// Invariants:
//   - What is chosen does not depend on the locale; only the words do.
//   - A suggestion has a text in every locale, and its keys too, so that a
//     client can word it itself.
//
// [Service] serves them; what is known about a site comes from whoever owns
// builds, through [FactsOf].
//
// The package analyzes no prompts and starts no builds.
package recommend
