package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Issuer and Audience are the claims of the tokens that Sheen signs itself.
const (
	Issuer   = "sheen"
	Audience = "sheen-api"
)

// keyFile lies in the data folder; whoever can read it can be anybody.
const keyFile = "jwt.key"

// Key signs tokens. It is safe for concurrent use.
type Key struct {
	private ed25519.PrivateKey
}

// LoadOrCreateKey reads the key of a data folder and makes it on first use. The
// file is written whole or not at all.
func LoadOrCreateKey(dataDir string) (*Key, error) {
	path := filepath.Join(dataDir, keyFile)
	key, err := LoadKey(dataDir)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the token key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode the token key: %w", err)
	}
	if err := writeOnce(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("store the token key: %w", err)
	}
	// Another process may have been quicker; the file is what counts.
	return LoadKey(dataDir)
}

// LoadKey reads the key of a data folder. It returns [os.ErrNotExist] if there
// is none.
func LoadKey(dataDir string) (*Key, error) {
	path := filepath.Join(dataDir, keyFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the token key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read the token key: %s is not a PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the token key: %w", err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read the token key: %s holds no Ed25519 key", path)
	}
	return &Key{private: private}, nil
}

// writeOnce creates a file with its whole content, or leaves the one that is there.
func writeOnce(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), keyFile+".*")
	if err != nil {
		return err //nolint:wrapcheck // os names the folder
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		if err = os.Link(tmp.Name(), path); errors.Is(err, os.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(tmp.Name()))
}

// claims are the registered ones and the role.
type claims struct {
	Role Role `json:"role"`
	jwt.RegisteredClaims
}

// Issue signs a token for a user that is valid for ttl from now.
func (k *Key) Issue(user uuid.UUID, role Role, ttl time.Duration) (string, error) {
	if !role.Valid() {
		return "", fmt.Errorf("issue a token: %q is not a role", role)
	}
	if ttl <= 0 {
		return "", errors.New("issue a token: its time to live must be positive")
	}
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		Role: role,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    Issuer,
			Audience:  jwt.ClaimStrings{Audience},
			Subject:   user.String(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
	}).SignedString(k.private)
	if err != nil {
		return "", fmt.Errorf("issue a token: %w", err)
	}
	return token, nil
}
