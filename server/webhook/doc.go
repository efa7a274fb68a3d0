// Package webhook sends the events of builds to addresses of their users.
//
// # Words
//
// An endpoint is such an address, with the types of events that it wants and the
// secrets that sign what it gets. A delivery is one event on its way to one
// endpoint. A lane is the deliveries of one build to one endpoint: they leave one
// after the other. A claim is the right to send in a lane, for a while.
//
// # How an event leaves
//
//  1. The statement that appends an event also stores a delivery for each endpoint
//     of the build's user that wants it, and notes that its lane is due.
//  2. The [Dispatcher] of every worker node looks for lanes that are due, claims
//     them, and puts a job in for each, in one transaction.
//  3. The [Worker] sends the lane's pending deliveries in the order of their seq,
//     and notes how each ended. After a failure the lane pauses; with nothing left
//     it rests until an append or a redelivery wakes it.
//
// # Invariants
//
//   - An event that is stored is delivered or given up, whatever crashes: the
//     delivery is stored with it, and a claim that nobody gives back runs out.
//   - A delivery is sent again until its end is stored, so it may come more than
//     once, always with the same id and body.
//   - In a lane nothing is sent before all with a lower seq were taken or given
//     up. A redelivery counts as pending again.
//   - A build waits for no receiver: the append writes rows and that is all.
//   - Receivers that hang hold up a few workers, and beyond those only their user:
//     claims are bounded per endpoint and per user, over all nodes.
//   - No connection is made to an address that is not public, unless the operator
//     allows it. It is checked at the moment of the connection, after the name was
//     resolved, so that no answer of a name server gets past it.
//
// # What it does not do
//
// Deliveries of different builds, and to different endpoints, have no order.
// Secrets are stored as they are, as the keys of tokens are: whoever reads the
// database can sign.
package webhook
