// Package server puts Sheen together: configuration, parts, routes, and the
// order in which they start and stop.
//
// [Start] brings up one process with the roles that its configuration names.
// Nodes share nothing but Postgres and Redis and none is special. What a domain
// promises is said in its own package; this one decides only who is connected to
// whom.
//
// Invariants:
//   - A server that [Start] returned is ready; one that it refused has left
//     nothing running.
//   - Every procedure stands in the access table; otherwise the server does not
//     start.
package server
