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
//
// Whatever starts, ends or releases a build takes its project's lock, so which
// builds of a project are active, and which wait, does not change under it. A build
// that has a hold is started and ended under its account's lock too, which comes
// first; one that has none begins with the project. Of several builds of a project,
// the oldest is locked first. A worker's writes in between lock the build alone.
//
// [InTx] repeats a transaction that lost a deadlock or a serialization race, so
// a mistake here costs time, not correctness.
//
// # Time
//
// Instants that order things are read from Postgres after the lock
// (clock_timestamp()), never from a node's clock.
package store
