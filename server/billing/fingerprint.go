package billing

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/billing/meter"
)

// The fingerprints cover what a request asks for, not its key. Each field is
// preceded by its length, so that no two requests share a text.

func (r ReserveRequest) fingerprint() meter.Hash {
	return fingerprint("reserve", string(r.Operation), r.BuildID.String(),
		number(r.Seconds), number(int64(r.TTL)), instant(r.NotAfter), number(r.MaxSeconds),
		string(r.ProjectSize), number(r.QuotedSeconds))
}

func (r ExtendRequest) fingerprint() meter.Hash {
	return fingerprint("extend", r.HoldID.String(), number(r.Seconds), number(int64(r.TTL)), strconv.FormatBool(r.Partial))
}

func (r VoidRequest) fingerprint() meter.Hash {
	return fingerprint("void", r.GrantID.String(), r.Reason, number(r.Seconds))
}

func (r CommitRequest) fingerprint() meter.Hash {
	return fingerprint("commit", r.HoldID.String(), string(r.Outcome),
		number(int64(r.Active)), number(int64(r.Planning)), number(r.CostMicros))
}

func (r GrantRequest) fingerprint() meter.Hash {
	return fingerprint("grant", string(r.Kind), number(r.Seconds), instant(r.ExpireTime), r.Reason)
}

func fingerprint(fields ...string) meter.Hash {
	var text strings.Builder
	for _, field := range fields {
		text.WriteString(strconv.Itoa(len(field)) + ":" + field)
	}
	return sha256.Sum256([]byte(text.String()))
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
