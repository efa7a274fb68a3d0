// Package auth decides who is calling.
//
// Authentication is HTTP middleware: the RPC library reads and decodes a body
// before any interceptor runs, and nobody unknown gets that far. A caller is a
// [Principal], put into the request's context; the rest of Sheen takes the
// user's id from there and from nowhere else.
//
// Tokens are JWTs with one asymmetric algorithm per issuer. Sheen's own issuer
// signs with an Ed25519 key from the data folder ([Key]); another can be added
// by the address of its key set.
//
// Invariants:
//   - A token without expiry, issuer, audience or a UUID as subject is refused.
//   - There is no mode without authentication.
//   - The package never says why a token was refused; the log does.
package auth
