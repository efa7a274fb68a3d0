// Package event owns the log of each build: EventService, the append that the
// other domains call, and the delivery to subscribers.
//
// # Words
//
// A [Record] is an event as it is stored and sent. A producer is whoever holds a
// build's lease; its fencing token goes with every append. The head is the seq
// of the newest record. A feed is what a node knows of one build. A subscriber is
// a [Cursor]: a position that reads, not a queue that is filled.
//
// # The way of an event
//
// [Log.Append] stores it inside the caller's transaction; after the commit the
// caller hands the [Batch] to [Hub.Publish]. An [Appender] does both for those
// who have nothing else to store, in one commit for all who come at about the
// same time. From the hub a batch goes to this node's feeds and, by the [Bus], to
// those of other nodes. A feed keeps the newest records and wakes its cursors;
// what is older they read in pages, from the bus's cache or else from the store,
// each page once for all who wait for it. A stream sends what a cursor returns,
// as it is stored, in Connect, gRPC, gRPC-Web or as server-sent events.
//
// # Timings
//
// What browsers measured of a build comes to this service too, as [Timings]. Redis
// remembers which were reported, for longer than they count. What it loses can count
// twice; while it is away nothing counts.
//
// # Invariants
//
//   - The records of a build are 1, 2, 3 … without a hole.
//   - A record is committed before anyone sees it.
//   - The bus is a hint. What it loses is found in the store within a second.
//   - A publisher never waits for a subscriber, nor for the bus.
//   - What a subscriber costs does not depend on how far behind it is.
//   - A locale changes words only: seqs, order and tokens are the same in all. Who
//     reads in the build's own gets the stored bytes, shared with all others; the
//     readers of another share what was worded for the first of them.
//   - A cursor checks that each record follows the one before.
//   - A build that is not over keeps all its records. Old ones go with their whole
//     build, and whoever asks for them is told the first seq that is left.
//
// The package knows nothing of what builds mean: the domain that orchestrates
// them decides what to append. It does not keep a subscriber's place: the resume
// token does.
package event
