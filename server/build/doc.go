// Package build owns builds: BuildService, the state machine, and the worker
// that turns a prompt into a site. It is the only domain that brings others
// together: billing, event, engine, preview and recommend meet here and know
// nothing of each other.
//
// # Words
//
// A build is one run from a prompt to a site; a project is a site and its
// history; a version is a site as it stood once. A worker holds a build's lease,
// whose fencing token every write carries. A step is a piece of work whose
// result is stored, so that a takeover does not repeat it. A build's allowance is
// the AI time that it may use: what is held for it, and what can still be. A
// deployment is a version put online on a target. A build is active from its start
// to its end unless it waits: then it is QUEUED behind the active one of its project.
//
// # The way of a build
//
//  1. StartBuild stores the hold, the project, the build, its first events and
//     its job in one transaction.
//  2. A worker takes the job and the lease, and walks the states:
//     plan, write, test (and fix), deploy.
//  3. The terminal transaction charges the hold, ends the build and appends the
//     last event.
//
// # Invariants
//
//   - A build exists if and only if its hold, its first event and its job exist. A
//     retry that costs nothing has no hold, and a build that waits has no job yet.
//   - A build that a recommendation was applied for has the build as its parent that
//     it was proposed for. It is no retry: it is paid for and takes nothing over.
//   - A project has at most one active build. Others wait behind it; its end makes
//     the one that has waited longest the active one, in the same transaction.
//   - A state changes only along [Transitions], by one compare-and-set that also
//     checks the fencing token; its events commit with it.
//   - A build whose worker is gone is taken up again within 20 s, at most three
//     times in all. One whose job was lost gets another.
//   - One terminal event, one charge.
//   - A build whose cancel was acknowledged is never complete.
//   - A build ends even if somebody else has closed its hold: with what was charged then.
//   - A hold grows under the lease, in the transaction that tells of it, by steps
//     that a takeover does not repeat. No charge exceeds the approved maximum.
//   - A version never changes: restoring one makes another with the same root.
//   - A build that begins has a list of recommendations in the making, or a note that
//     there will be none, and its job. A list and the event that signals it are stored
//     together, unless the build is over: its log stays as it is then.
//   - Of two deployments of a project on one target, the one that was asked for
//     last stays. What one puts there may be put there twice.
//
// What an engine returns is data: its paths are checked before anything is
// stored under them.
package build
