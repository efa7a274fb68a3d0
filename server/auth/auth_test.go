package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

func newKey(t *testing.T) *Key {
	t.Helper()
	key, err := LoadOrCreateKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestIssuedTokenNamesItsUser(t *testing.T) {
	t.Parallel()
	key, user := newKey(t), uuid.New()
	for _, role := range []Role{RoleUser, RoleService, RoleAdmin} {
		token, err := key.Issue(user, role, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewVerifier(key).Verify(token)
		if err != nil || got.UserID != user || got.Role != role || time.Until(got.ExpireTime) > time.Hour {
			t.Errorf("%s: got %+v, %v", role, got, err)
		}
	}
	if _, err := key.Issue(user, "root", time.Hour); err == nil {
		t.Error("an unknown role was issued")
	}
	if _, err := key.Issue(user, RoleUser, 0); err == nil {
		t.Error("a token without a life was issued")
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	now := time.Now()
	good := func() claims {
		return claims{Role: RoleUser, RegisteredClaims: jwt.RegisteredClaims{
			Issuer: Issuer, Audience: jwt.ClaimStrings{Audience}, Subject: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour)),
		}}
	}
	sign := func(method jwt.SigningMethod, key any, c claims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	with := func(change func(*claims)) string {
		c := good()
		change(&c)
		return sign(jwt.SigningMethodEdDSA, key.private, c)
	}
	v := NewVerifier(key)
	if _, err := v.Verify(with(func(*claims) {})); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := key.private.Public().(ed25519.PublicKey) //nolint:errcheck // what Ed25519 gives
	for name, token := range map[string]string{
		"empty":             "",
		"garbage":           "a.b.c",
		"expired":           with(func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Minute)) }),
		"no expiry":         with(func(c *claims) { c.ExpiresAt = nil }),
		"issued later":      with(func(c *claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(time.Hour)) }),
		"not yet":           with(func(c *claims) { c.NotBefore = jwt.NewNumericDate(now.Add(time.Hour)) }),
		"other issuer":      with(func(c *claims) { c.Issuer = "else" }),
		"other audience":    with(func(c *claims) { c.Audience = jwt.ClaimStrings{"else"} }),
		"no audience":       with(func(c *claims) { c.Audience = nil }),
		"no subject":        with(func(c *claims) { c.Subject = "" }),
		"subject no UUID":   with(func(c *claims) { c.Subject = "root" }),
		"subject in braces": with(func(c *claims) { c.Subject = "{" + uuid.NewString() + "}" }),
		"unknown role":      with(func(c *claims) { c.Role = "root" }),
		"no role":           with(func(c *claims) { c.Role = "" }),
		"other key":         sign(jwt.SigningMethodEdDSA, other, good()),
		"no signature":      sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good()),
		"public as secret":  sign(jwt.SigningMethodHS256, []byte(public), good()),
	} {
		if got, err := v.Verify(token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: accepted as %+v, %v", name, got, err)
		}
	}
}

func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := LoadKey(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("before: %v", err)
	}
	keys := make([]*Key, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			key, err := LoadOrCreateKey(dir)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	group.Wait()
	for _, key := range keys {
		if !key.private.Equal(keys[0].private) {
			t.Error("two keys were made")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	key, user := newKey(t), uuid.New()
	token, err := key.Issue(user, RoleUser, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	handler := Middleware(NewVerifier(key), slog.New(slog.DiscardHandler), func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusUnauthorized)
	})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the handler sees the token")
		}
		if Caller(r.Context()).UserID != user {
			t.Error("the handler sees another caller")
		}
	}))
	for _, test := range []struct {
		name   string
		header []string
		want   int
	}{
		{"none", nil, http.StatusUnauthorized},
		{"good", []string{"Bearer " + token}, http.StatusOK},
		{"lower case", []string{"bearer " + token}, http.StatusOK},
		{"other scheme", []string{"Basic " + token}, http.StatusUnauthorized},
		{"bare", []string{token}, http.StatusUnauthorized},
		{"two", []string{"Bearer " + token, "Bearer " + token}, http.StatusUnauthorized},
		{"damaged", []string{"Bearer " + token[:len(token)-2]}, http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		r.Header["Authorization"] = test.header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d", test.name, w.Code)
		}
	}
}
