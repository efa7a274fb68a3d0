package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

const boundLen = 8

// SealPage returns the token of a page that begins after the row with key last.
// bound are the other parameters of the request, in a fixed order.
func (c *Codec) SealPage(last []byte, bound ...string) string {
	return c.Seal(Page, append(boundHash(bound), last...))
}

// OpenPage returns the key of the row that a page begins after: nil for an empty
// token, [ErrInvalid] for one that belongs to other parameters.
func (c *Codec) OpenPage(token string, bound ...string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	payload, err := c.Open(Page, token)
	if err != nil || len(payload) < boundLen || !bytes.Equal(payload[:boundLen], boundHash(bound)) {
		return nil, ErrInvalid
	}
	return payload[boundLen:], nil
}

// boundHash hashes the parameters with their lengths, so that moving a byte from
// one to the next changes it.
func boundHash(bound []string) []byte {
	h := sha256.New()
	for _, value := range bound {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(value)))
		h.Write(size[:])
		h.Write([]byte(value))
	}
	return h.Sum(nil)[:boundLen:boundLen]
}
