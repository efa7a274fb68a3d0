package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Another issuer's tokens are checked with the keys that it publishes, by its
// rules and not by ours.
func TestAnotherIssuer(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"one","n":%q,"e":%q}]}`,
			encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
	}))
	t.Cleanup(keys.Close)
	own := newKey(t)
	v := NewVerifier(own)
	set := KeySet{URL: keys.URL, Issuer: "https://id.example", Audience: "builder", Algorithm: "RS256"}
	if err := v.Accept(t.Context(), set, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	user := uuid.New()
	sign := func(method jwt.SigningMethod, kid string, signer any, change func(*claims)) string {
		c := claims{Role: RoleUser, RegisteredClaims: jwt.RegisteredClaims{
			Issuer: set.Issuer, Audience: jwt.ClaimStrings{set.Audience}, Subject: user.String(),
			ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
		}}
		change(&c)
		token := jwt.NewWithClaims(method, c)
		token.Header["kid"] = kid
		signed, err := token.SignedString(signer)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	same := func(*claims) {}
	if got, err := v.Verify(sign(jwt.SigningMethodRS256, "one", key, same)); err != nil || got.UserID != user {
		t.Errorf("its token: %+v, %v", got, err)
	}
	for name, token := range map[string]string{
		"unknown key":       sign(jwt.SigningMethodRS256, "two", key, same),
		"other algorithm":   sign(jwt.SigningMethodRS512, "one", key, same),
		"our audience":      sign(jwt.SigningMethodRS256, "one", key, func(c *claims) { c.Audience = jwt.ClaimStrings{Audience} }),
		"says it is ours":   sign(jwt.SigningMethodRS256, "one", key, func(c *claims) { c.Issuer, c.Audience = Issuer, jwt.ClaimStrings{Audience} }),
		"our key, its name": sign(jwt.SigningMethodEdDSA, "one", own.private, same),
	} {
		if got, err := v.Verify(token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: accepted as %+v, %v", name, got, err)
		}
	}
	if err := NewVerifier(own).Accept(t.Context(), KeySet{URL: "http://127.0.0.1:1/keys"}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a key set that cannot be fetched is accepted")
	}
}
