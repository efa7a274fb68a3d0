package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Prefixes and headers of the specification Standard Webhooks, version 1.0.0.
const (
	secretPrefix    = "whsec_"
	idPrefix        = "msg_"
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// secretBytes is the length of a secret.
const secretBytes = 32

func newSecret() ([]byte, error) {
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a webhook secret: %w", err)
	}
	return secret, nil
}

// secretText is a secret as its owner gets it.
func secretText(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// messageID is a delivery's id as receivers and owners see it.
func messageID(id uuid.UUID) string { return idPrefix + id.String() }

// parseMessageID is the other way; ok is false for what is no id.
func parseMessageID(text string) (id uuid.UUID, ok bool) {
	rest, ok := strings.CutPrefix(text, idPrefix)
	if !ok || len(rest) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(rest)
	return id, err == nil
}

// sign is a signature of a message, with its version.
func sign(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedHeader is the header of a message: a signature per secret.
func signedHeader(secrets [][]byte, id string, at time.Time, body []byte) http.Header {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		signatures = append(signatures, sign(secret, id, at, body))
	}
	header := make(http.Header)
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "Sheen-Webhook/1")
	header.Set(headerID, id)
	header.Set(headerTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(headerSignature, strings.Join(signatures, " "))
	return header
}
