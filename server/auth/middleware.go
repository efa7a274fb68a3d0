package auth

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
)

// errNoToken says that a request has no bearer token.
var errNoToken = errors.New("no bearer token")

// Middleware lets only requests with a valid bearer token through and puts their
// [Principal] into the context. refuse writes the answer to all others.
func Middleware(v *Verifier, log *slog.Logger, refuse func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, err := authenticate(v, r)
			if err != nil {
				log.DebugContext(r.Context(), "request refused", "cause", err)
				refuse(w, r, err)
				return
			}
			// What follows has no use for the token; it cannot leak what it does not see.
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r.WithContext(WithPrincipal(r.Context(), principal)))
		})
	}
}

func authenticate(v *Verifier, r *http.Request) (Principal, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return Principal{}, errNoToken
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return Principal{}, errNoToken
	}
	return v.Verify(strings.TrimSpace(token))
}
