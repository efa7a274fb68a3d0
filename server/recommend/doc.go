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
//   - What a user did with an item is noted once, and only for an item of a build
//     that is theirs. What was accepted or dismissed was shown.
//
// [Service] serves them; what is known about a site comes from whoever owns
// builds, through [FactsOf], and so does the next build ([Apply]).
//
// The package analyzes no prompts and starts no builds.
package recommend
