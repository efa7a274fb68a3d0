// Package event owns the log of each build: EventService, the append that the
// other domains call, and the delivery to subscribers.
//
// # Words
//
// A [Record] is an event as it is stored and sent. A producer is whoever holds a
// build's lease; its fencing token goes with every append. The head is the seq
// of the newest record. A subscriber is a [Cursor]: a position that reads, not a
// queue that is filled.
//
// # The way of an event
//
// [Log.Append] stores it inside the caller's transaction. After the commit the
// caller hands the [Batch] to [Hub.Publish]: to this node's feeds and, by the
// [Bus], to those of other nodes. A feed keeps the newest records; cursors read
// them there, and what is older in the store.
//
// # Invariants
//
//   - The records of a build are 1, 2, 3 … without a hole.
//   - A record is committed before anyone sees it.
//   - The bus is a hint. What it loses is found in the store within a second.
//   - A publisher never waits for a subscriber.
//
// The package knows nothing of what builds mean: the domain that orchestrates
// them decides what to append. It does not keep a subscriber's place: the resume
// token does.
package event
