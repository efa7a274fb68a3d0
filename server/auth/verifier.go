package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"golang.org/x/time/rate"
)

// leeway is how far clocks may differ.
const leeway = 30 * time.Second

// ErrToken says that a token proves nothing.
var ErrToken = errors.New("token is not valid")

// Verifier checks bearer tokens. It is safe for concurrent use.
type Verifier struct {
	issuers map[string]issuer
}

// issuer is one who may sign: its key and the parser that knows its rules.
type issuer struct {
	parser *jwt.Parser
	key    jwt.Keyfunc
}

// NewVerifier accepts tokens that key signed.
func NewVerifier(key *Key) *Verifier {
	public := key.private.Public()
	own := issuer{
		parser: newParser("EdDSA", Issuer, Audience),
		key:    func(*jwt.Token) (any, error) { return public, nil },
	}
	return &Verifier{issuers: map[string]issuer{Issuer: own}}
}

// KeySet is another issuer, whose keys are fetched.
type KeySet struct {
	// URL is where its JSON Web Key Set lies.
	URL string
	// Issuer and Audience must stand in its tokens.
	Issuer, Audience string
	// Algorithm is the only one accepted, such as RS256.
	Algorithm string
}

const (
	// refetchEvery bounds how often an unknown key id makes the set be fetched.
	refetchEvery = 30 * time.Second
	// refetchWait is what a token with an unknown key id waits for its turn:
	// hardly at all, or a flood of them would hold connections.
	refetchWait = time.Millisecond
	// fetchTimeout bounds one fetch.
	fetchTimeout = 5 * time.Second
)

// Accept adds an issuer, before the verifier's first use. Its keys are fetched
// now, which must succeed, and refreshed until ctx ends; the last good set serves
// while that fails.
func (v *Verifier) Accept(ctx context.Context, set KeySet, log *slog.Logger) error {
	mayStartWithout := false
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{set.URL}, keyfunc.Override{
		HTTPTimeout:               fetchTimeout,
		NoErrorReturnFirstHTTPReq: &mayStartWithout,
		RateLimitWaitMax:          refetchWait,
		RefreshUnknownKID:         rate.NewLimiter(rate.Every(refetchEvery), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "an issuer's keys were not refreshed; the last ones serve", "cause", err)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("fetch the key set: %w", err)
	}
	v.issuers[set.Issuer] = issuer{parser: newParser(set.Algorithm, set.Issuer, set.Audience), key: keys.Keyfunc}
	return nil
}

func newParser(algorithm, issuer, audience string) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
	)
}

// Verify returns whom a token names, or [ErrToken].
func (v *Verifier) Verify(token string) (Principal, error) {
	// The unverified issuer only chooses the rules; they check it again.
	var unverified claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &unverified); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	by, ok := v.issuers[unverified.Issuer]
	if !ok {
		return Principal{}, fmt.Errorf("%w: unknown issuer", ErrToken)
	}
	var verified claims
	if _, err := by.parser.ParseWithClaims(token, &verified, by.key); err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	user, err := uuid.Parse(verified.Subject)
	if err != nil || len(verified.Subject) != 36 {
		return Principal{}, fmt.Errorf("%w: the subject is not a UUID", ErrToken)
	}
	if !verified.Role.Valid() {
		return Principal{}, fmt.Errorf("%w: unknown role", ErrToken)
	}
	return Principal{UserID: user, Role: verified.Role, ExpireTime: verified.ExpiresAt.Time}, nil
}
