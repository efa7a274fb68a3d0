// Package store is the only package that speaks SQL.
//
// Its generated half (*.sql.go, models.go) comes from queries/ and migrations/;
// the rest opens the pool, runs transactions and translates errors, once, so
// that no driver type or text leaves the package.
//
// # Lock order
//
// A transaction takes row locks in this order: account, then project, then
// build, then anything else; many of a kind in ascending order of their ids.
// Advisory locks on what has no row, such as a payment that nobody knows yet, come
// before them.
// [InTx] repeats a transaction that lost a deadlock or a serialization race, so
// a mistake here costs time, not correctness.
//
// # Time
//
// Instants that order things are read from Postgres after the lock
// (clock_timestamp()), never from a node's clock.
package store
