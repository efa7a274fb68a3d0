// Package recommend proposes what to do with a site next.
//
// Quick suggestions are there at once: [Quick] takes facts about a site, lets
// the pure rules of the folder rules choose among nineteen kinds and words the
// outcome in the asked locale.
//
// AI recommendations are lists that an engine writes for one build. A build has up to
// ten of them, its revisions, of which one at a time is in the making; [Lists] owns
// their rows and the rules by which they change, and [Check] what of an engine's answer
// may be shown:
//
//	none ──▶ queued ◀──▶ generating ──▶ ready
//	  │         │             │
//	  ▼         └──▶ failed ◀─┘
//	skipped
//
// A list has a deadline, 60 s from when it was asked for. Up to two attempts are made
// at it, and more only after one that a stopping node gave back; each is kept with what
// came of it. What an attempt writes after another one began, or after the list ended,
// is refused.
//
// Invariants:
//   - A build is ready as soon as one of its lists is. A list that is ready never
//     changes, and a failure takes nothing away.
//   - Every list ends, even if no worker exists: one whose deadline is over has failed
//     to whoever reads it.
//   - No list holds anything that was written for another build.
//   - What is chosen does not depend on the locale; only the words do.
//   - A suggestion has a text in every locale, and its keys too, so that a
//     client can word it itself.
//   - What a user did with an item is noted once, and only for an item of a build
//     that is theirs. What was accepted or dismissed was shown.
//
// [Service] serves them; what is known about a site comes from whoever owns
// builds, through [FactsOf], and so does the next build ([Apply]).
//
// The package analyzes no prompts, asks no engine and starts no builds.
package recommend
