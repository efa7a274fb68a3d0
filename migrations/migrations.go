// Package migrations embeds the schema. The files are goose migrations; they
// are also what sqlc reads, so there is no second description of the schema.
// They are append-only once they are on main.
package migrations

import "embed"

// Files are the migrations, in the order of their names.
//
//go:embed *.sql
var Files embed.FS
