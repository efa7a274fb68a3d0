package webhook

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The specification's own vector.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The standard's library takes what we sign, by any of the secrets, and nothing
// that was changed.
func TestSignedHeader(t *testing.T) {
	t.Parallel()
	first, err := newSecret()
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSecret()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	header := signedHeader([][]byte{first, second}, messageID(uuid.New()), now, []byte(`{"a":1}`))
	for _, secret := range [][]byte{first, second} {
		text := secretText(secret)
		if !strings.HasPrefix(text, "whsec_") || len(text) != 6+44 {
			t.Errorf("secret of %d characters", len(text))
		}
		wh, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify([]byte(`{"a":1}`), header); err != nil {
			t.Error(err)
		}
		for _, change := range []func(){
			func() { header.Set(headerID, messageID(uuid.New())) },
			func() { header.Set(headerTimestamp, "1") },
		} {
			before := header.Clone()
			change()
			if wh.VerifyIgnoringTimestamp([]byte(`{"a":1}`), header) == nil {
				t.Error("a changed header was taken")
			}
			header = before
		}
		if wh.Verify([]byte(`{"a":2}`), header) == nil {
			t.Error("a changed body was taken")
		}
	}
}

func TestMessageID(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	if got, ok := parseMessageID(messageID(id)); !ok || got != id {
		t.Errorf("%v, %t", got, ok)
	}
	for _, text := range []string{"", "msg_", id.String(), "MSG_" + id.String(), "msg_{" + id.String() + "}", "msg_urn:uuid:" + id.String(), messageID(id) + "x"} {
		if _, ok := parseMessageID(text); ok {
			t.Errorf("%q is taken for an id", text)
		}
	}
}
