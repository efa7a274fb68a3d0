// Package token seals small values into opaque strings that only Sheen can make:
// resume tokens and page tokens. It is pure.
//
// A token is the URL-safe base64, without padding, of
//
//	version (1 byte, 1) | key id (1) | purpose (1) | payload | MAC (16)
//
// where MAC is HMAC-SHA256 over everything before it, cut to 128 bits. One key
// signs, all keys verify, so keys can be rotated. A token is a
// position, never a permission, and is not secret.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync/atomic"
)

// ErrInvalid says that a token was not made here, is damaged, or was made for
// another purpose.
var ErrInvalid = errors.New("token is not valid")

// Purpose keeps tokens of one kind from being taken for another.
type Purpose byte

// The purposes.
const (
	Resume Purpose = 1
	Page   Purpose = 2
)

const (
	version   = 1
	headerLen = 3
	macLen    = 16
	maxLen    = 512
)

// Key authenticates tokens. Secret has 32 bytes.
type Key struct {
	ID     byte
	Secret []byte
}

// Codec seals and opens tokens. It is safe for concurrent use.
type Codec struct {
	ring atomic.Pointer[keyring]
}

type keyring struct {
	signing Key
	secrets map[byte][]byte
}

// NewCodec takes the keys; it signs with the first and verifies with all. There
// must be one at least.
func NewCodec(keys []Key) (*Codec, error) {
	c := new(Codec)
	if err := c.Replace(keys); err != nil {
		return nil, err
	}
	return c, nil
}

// Replace changes the keys of a codec that is in use, as [NewCodec] takes them.
func (c *Codec) Replace(keys []Key) error {
	if len(keys) == 0 {
		return errors.New("token codec needs a key")
	}
	ring := &keyring{signing: keys[0], secrets: make(map[byte][]byte, len(keys))}
	for _, key := range keys {
		ring.secrets[key.ID] = key.Secret
	}
	c.ring.Store(ring)
	return nil
}

// Seal returns the token of a payload.
func (c *Codec) Seal(purpose Purpose, payload []byte) string {
	key := c.ring.Load().signing
	raw := make([]byte, 0, headerLen+len(payload)+macLen)
	raw = append(raw, version, key.ID, byte(purpose))
	raw = append(raw, payload...)
	raw = append(raw, mac(key.Secret, raw)...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Open returns the payload of a token, or [ErrInvalid].
func (c *Codec) Open(purpose Purpose, token string) ([]byte, error) {
	if len(token) > maxLen {
		return nil, ErrInvalid
	}
	// Strict, so that a payload has one spelling only.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < headerLen+macLen || raw[0] != version || Purpose(raw[2]) != purpose {
		return nil, ErrInvalid
	}
	secret, ok := c.ring.Load().secrets[raw[1]]
	signed := raw[:len(raw)-macLen]
	if !ok || !hmac.Equal(mac(secret, signed), raw[len(signed):]) {
		return nil, ErrInvalid
	}
	return signed[headerLen:], nil
}

func mac(secret, data []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(data)
	return h.Sum(nil)[:macLen]
}
