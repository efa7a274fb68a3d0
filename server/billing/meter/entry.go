package meter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hash is a SHA-256 sum.
type Hash [sha256.Size]byte

// EntryKind says what a journal entry records.
type EntryKind string

// The kinds of entries. Commit, release and expire are the terminal events of a
// hold; a late commit follows an expire.
const (
	EntryGrant      EntryKind = "grant"
	EntryLapse      EntryKind = "lapse"
	EntryVoid       EntryKind = "void"
	EntryHold       EntryKind = "hold"
	EntryExtend     EntryKind = "extend"
	EntryCommit     EntryKind = "commit"
	EntryLateCommit EntryKind = "late_commit"
	EntryRelease    EntryKind = "release"
	EntryExpire     EntryKind = "expire"
)

// Line is what one entry does to one grant: seconds added to each place. Their
// sum is 0, but for the entry that makes the grant.
type Line struct {
	GrantID  ID    `json:"grant"`
	Kind     Kind  `json:"kind"`
	Free     int64 `json:"free"`
	Held     int64 `json:"held"`
	Consumed int64 `json:"consumed"`
	Lapsed   int64 `json:"lapsed"`
}

// Entry is one row of an account's journal. Entries are never changed.
type Entry struct {
	AccountID ID
	// Seq is 1, 2, 3 … without gap.
	Seq  int64
	Kind EntryKind
	// Time is when the entry was written. Entries of one operation share it;
	// those of the next operation are later.
	Time time.Time
	// Key is the caller's idempotency key; empty for none.
	Key string
	// Fingerprint is the hash of the request; zero for none.
	Fingerprint     Hash
	HoldID, BuildID ID
	Operation       Operation
	Outcome         Outcome
	// ActiveMillis is the measured AI time in milliseconds, rounded up.
	ActiveMillis int64
	// Billable is ActiveMillis rounded up to 10 s, in seconds.
	Billable int64
	// Shortfall is the part of the charge that the account could not pay.
	Shortfall int64
	// CostMicros is what the model providers ask for, in micro-USD.
	CostMicros int64
	// ExpireTime is the hold's end after an entry of kind hold or extend; zero
	// otherwise.
	ExpireTime time.Time
	// Reason says why a grant was taken back. The fingerprint covers it.
	Reason string
	Lines  []Line
	// Balance is the account's after this entry.
	Balance Balance
	// Prev is the hash of the entry before, zero for the first; Hash is this
	// one's.
	Prev, Hash Hash
}

// Sum returns the entry's effect on the account's totals.
func (e *Entry) Sum() Line {
	var sum Line
	for _, line := range e.Lines {
		sum.Free += line.Free
		sum.Held += line.Held
		sum.Consumed += line.Consumed
		sum.Lapsed += line.Lapsed
	}
	return sum
}

// LinesJSON returns the lines as they are stored and hashed.
func (e *Entry) LinesJSON() []byte {
	out := append(make([]byte, 0, 256), '[')
	for i, line := range e.Lines {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"grant":"`+line.GrantID.String()+`","kind":"`+string(line.Kind)+`"`...)
		out = appendField(out, "free", line.Free)
		out = appendField(out, "held", line.Held)
		out = appendField(out, "consumed", line.Consumed)
		out = appendField(out, "lapsed", line.Lapsed)
		out = append(out, '}')
	}
	return append(out, ']')
}

// BalanceJSON returns the balance as it is stored and hashed: kinds in burn order,
// times in UTC.
func (e *Entry) BalanceJSON() []byte {
	return e.Balance.appendJSON(make([]byte, 0, 192))
}

func (b Balance) appendJSON(out []byte) []byte {
	out = append(out, `{"spendable":`...)
	out = strconv.AppendInt(out, b.Spendable, 10)
	out = appendField(out, "held", b.Held)
	out = append(out, `,"gift_reset":"`...)
	out = b.GiftReset.UTC().AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","by_kind":{`...)
	separator := ""
	for _, kind := range Kinds() {
		if seconds := b.ByKind[kind]; seconds != 0 {
			out = append(out, separator+`"`+string(kind)+`":`...)
			out = strconv.AppendInt(out, seconds, 10)
			separator = ","
		}
	}
	return append(out, '}', '}')
}

func appendField(out []byte, name string, value int64) []byte {
	if value == 0 {
		return out
	}
	out = append(out, `,"`+name+`":`...)
	return strconv.AppendInt(out, value, 10)
}

// Digest returns the hash that chains the entry to Prev: SHA-256 over Prev and
// the entry's text. The text is made so that Postgres can make it again from
// the row; its only free text, the key, stands last.
func (e *Entry) Digest() Hash {
	fingerprint := ""
	if e.Fingerprint != (Hash{}) {
		fingerprint = hex.EncodeToString(e.Fingerprint[:])
	}
	cost := strconv.FormatInt(e.CostMicros, 10)
	if !e.ExpireTime.IsZero() {
		cost += "|" + strconv.FormatInt(e.ExpireTime.UnixMicro(), 10)
	}
	text := strings.Join([]string{
		e.AccountID.String(),
		strconv.FormatInt(e.Seq, 10),
		string(e.Kind),
		strconv.FormatInt(e.Time.UnixMicro(), 10),
		e.HoldID.optional(),
		e.BuildID.optional(),
		string(e.Operation),
		string(e.Outcome),
		strconv.FormatInt(e.ActiveMillis, 10),
		strconv.FormatInt(e.Billable, 10),
		strconv.FormatInt(e.Shortfall, 10),
		cost,
		string(e.LinesJSON()),
		string(e.BalanceJSON()),
		fingerprint,
		e.Key,
	}, "|")
	return sha256.Sum256(slices.Concat(e.Prev[:], []byte(text)))
}

// ParseLines reads what [Entry.LinesJSON] wrote.
func ParseLines(text []byte) ([]Line, error) {
	var lines []Line
	if err := json.Unmarshal(text, &lines); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the row
	}
	return lines, nil
}
