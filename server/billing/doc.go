// Package billing owns AI time: who has how many seconds, what is set aside for
// running operations and what was charged.
//
// The [Ledger] puts the pure engine of package meter into the caller's
// transaction, so that state, event, money and job change together or not at
// all: it locks the account, reads it, lets the engine decide, and writes the
// rows the engine says. The words (grant, hold, journal, shortfall) are those
// of package meter.
//
// # Invariants
//
//   - The account's row is locked before anything of the account is read, and
//     before the idempotency key is looked up. Lock order: account, then build,
//     then anything else.
//   - A key is looked up before any check of the balance. The same request
//     again gets the stored answer, another request [ErrKeyReused].
//   - Time is Postgres's clock read behind the lock, and later than the last
//     journal row of the account.
//   - A refused call writes nothing that matters; its caller rolls back.
//   - A read takes no lock, writes nothing, and shows gifts and expiries that
//     are due as if they had been written.
//
// # Purchases
//
// [Purchases] sells packages through the port [Payments], whose providers are
// [Manual] and package stripe. A purchase is stored before the provider hears of
// it, and the provider knows it by its id, so a lost answer is made good by the
// same request. What the provider tells is stored once and judged: it applies, it
// waits for its cause, or it is ignored with a note. Seconds and state of a
// purchase follow from all of its events together, not from their order:
//
//	open ── failed ──▶ failed ── paid ──▶ paid
//	open ── paid ──▶ paid ◀── dispute won ── disputed
//	paid ── refunded in full ──▶ refunded
//	paid, refunded ── disputed ──▶ disputed
//
// What holds of them:
//
//   - A purchase is granted once, under a key of its own ([PurchaseGrant]), however
//     many events or charges tell that it is paid.
//   - Only a payment of exactly what was asked is granted.
//   - A package with a life ends that long after its payment, and what a won dispute
//     gives back ends with it.
//   - A refund takes its share of the seconds, rounded down; a dispute takes all
//     until it is won. What was used by then stays used: no balance is negative.
//   - What a hold had of a disputed purchase and gives back lapses, even if the
//     dispute is won in between.
//
// Subscriptions, refunds that fail after they were told, and more than one payment
// of one purchase are not handled: the second payment is noted and not granted.
//
// # Automatic purchases
//
// An account may have a rule by which it buys time by itself. The transaction that
// takes spendable seconds decides, behind the account's lock, and writes the
// decision down as an attempt: to buy, or why not. Decisions for the same reason
// in a row are one row that counts them and names its first and its last journal
// row. Accounts with enough, or without an enabled rule, are not decided on.
//
// [TopUps] makes the purchases, outside of that transaction:
//
//	(decision) ─┬─> skipped
//	            └─> pending ─┬─> charged    granted, and decided again
//	                  ↑   │  ├─> declined   an hour's pause; the third suspends
//	                  └───┘  ├─> failed     an hour's pause
//	                no answer└─> skipped    not needed or not allowed any more
//
// The purchase is committed before the provider is asked, and its id is the key of
// the charge and of the grant: whatever is lost on the way, the same purchase is
// charged and granted once. An account has one attempt in flight.
//
// The [Service] serves the ledger to the account's user, and to services and
// admins that act for that user, each call in a transaction of its own.
//
// [Audit] checks the stored rows against each other, beside any load: whatever
// wrote them, it finds nothing on a ledger that kept to the invariants.
//
// [Estimates] say how long operations take, from what was committed lately by any
// process.
//
// It does not know builds or events, decides nothing about who may call what,
// and has no state of its own but what it remembers of the store: any number of
// processes can share the accounts.
package billing
