// Package client talks to a Sheen server from Go.
//
// [New] gives typed access to the four services and adds what every caller
// would otherwise write again: credentials, request ids, deadlines, retries,
// typed errors. [Client.Follow] reads a build's events across any number of
// cut connections, [Client.FollowAll] those of many builds in one loop.
//
// # Retries
//
// A unary call is repeated only where the contract says that repeating is
// harmless (its idempotency level), and only after UNAVAILABLE, ABORTED, or
// RESOURCE_EXHAUSTED with a RetryInfo: at most four attempts, with full jitter,
// never earlier than the server asks, and never past the call's deadline. The
// client gives StartBuild, RetryBuild and ApplyRecommendation a build session
// id where the caller gave none, once per call, so that a repeat cannot start a
// second build.
//
// # Deadlines
//
// A call whose context has no deadline gets one for all of its attempts
// together: 10 s, StartBuild 15 s, ListEvents its wait more. Streams get none.
//
// # Errors
//
// Every error of a call is, or wraps, an [*Error]. Compare codes with
// [errors.Is] and the sentinels, such as [ErrNotFound]; reach for data with
// [errors.As] and the typed errors, such as [*InsufficientAITime].
//
// # Invariants of Follow
//
//   - The loop sees each event of the build after its start once, ascending.
//     Without a filter the seqs have no hole: an event after a hole is not handed
//     on, it is asked for again.
//   - It ends after the build's last event, with the context, or with one final
//     error; a cut connection, a restarting server or silence is none of these.
//   - Leaving the loop ends the request and everything it started.
//
// # What it does not do
//
// It keeps no position on disk and caches nothing. It knows nothing of the
// server's inside.
package client
