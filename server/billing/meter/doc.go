// Package meter is the engine of AI time: which seconds a hold takes, what a
// commit costs and what goes back. It is pure. An account's state, a request
// and an instant go in; an answer and the row changes come out. It reads no
// clock, does no I/O and imports the standard library only.
//
// # Words
//
//   - A [Grant] is a number of seconds given to an account, with a [Kind] and
//     perhaps an end.
//   - A [Hold] sets seconds of named grants aside for one operation.
//   - An [Entry] is one row of the account's journal. Its [Line]s move seconds
//     of grants between four places: free, held, consumed and lapsed.
//   - A [Book] is an account opened at one instant: holds and grants that ended
//     by then are settled, the gifts that are due are made.
//
// # Invariants
//
//   - Every second of a grant is in exactly one place: seconds = free + held +
//     consumed + lapsed, and none of the four is ever negative.
//   - Only an entry moves seconds, so the journal replayed from its beginning
//     gives the grants and the account's totals.
//   - What [Book.Balance] calls spendable is the largest hold that
//     [Book.Reserve] grants at that instant.
//   - A hold has one terminal event: commit, release or expiry. A commit that
//     comes after the expiry charges what is free and is marked late.
//   - A grant that ends while a hold has seconds of it lapses only with what
//     was free; the held seconds stay usable by that hold.
//   - A refused request changes nothing.
//
// The package does not know who may call, does not remember idempotency keys
// (it only writes them down) and does not store anything: package billing does.
package meter
