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
			signedIn, err := SignIn(v, log, r)
			if err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, signedIn)
		})
	}
}

// SignIn returns the request of a caller with a valid bearer token, with the
// [Principal] in its context. An error is for [Middleware]'s refuse.
func SignIn(v *Verifier, log *slog.Logger, r *http.Request) (*http.Request, error) {
	principal, err := authenticate(v, r)
	if err != nil {
		log.DebugContext(r.Context(), "request refused", "cause", err)
		return nil, err
	}
	// What follows has no use for the token; it cannot leak what it does not see.
	r.Header.Del("Authorization")
	return r.WithContext(WithPrincipal(r.Context(), principal)), nil
}

// QueryToken lets a client name its token as the query's access_token, for
// readers that cannot set a header, such as a browser's EventSource (RFC 6750,
// section 2.3). It belongs before [Middleware] and only where it is needed:
// addresses end up in logs and histories.
func QueryToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if token := query.Get("access_token"); token != "" {
			query.Del("access_token")
			r = r.Clone(r.Context())
			r.URL.RawQuery = query.Encode()
			r.RequestURI = r.URL.RequestURI()
			// Beside a header, this makes two, which are refused.
			r.Header.Add("Authorization", "Bearer "+token)
		}
		next.ServeHTTP(w, r)
	})
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
