package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Role is what a caller may do beside what is its own.
type Role string

// The roles. A service or admin acts for the user that its token names.
const (
	RoleUser    Role = "user"
	RoleService Role = "service"
	RoleAdmin   Role = "admin"
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == RoleUser || r == RoleService || r == RoleAdmin }

// Principal is an authenticated caller.
type Principal struct {
	// UserID is whose things the call is about.
	UserID uuid.UUID
	Role   Role
	// ExpireTime is when the credentials end; a stream outlives it by 60 s at most.
	ExpireTime time.Time
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Caller returns the principal of a request. The zero value, whose user owns
// nothing, means that the middleware did not run.
func Caller(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}
