package event

import (
	"encoding/binary"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/token"
)

// epoch changes when the logs of a whole installation were set back, as by an
// old backup: positions from before mean nothing then.
const epoch = 1

// filter is a set of classes, a bit each; 0 means all.
type filter uint32

func newFilter(classes []eventv1.EventClass) filter {
	var f filter
	for _, class := range classes {
		f |= 1 << class
	}
	return f
}

func (f filter) admits(r Record) bool { return f == 0 || f&(1<<r.Class) != 0 }

// apply returns the records that the filter admits.
func (f filter) apply(records []Record) []Record {
	if f == 0 {
		return records
	}
	var admitted []Record
	for _, r := range records {
		if f.admits(r) {
			admitted = append(admitted, r)
		}
	}
	return admitted
}

// resumeLen is build (16), epoch (4), filter (4) and seq (8).
const resumeLen = 32

// resumeToken seals the position after a seq, for one build and filter.
func resumeToken(c *token.Codec, buildID uuid.UUID, f filter, seq int64) string {
	payload := make([]byte, 0, resumeLen)
	payload = append(payload, buildID[:]...)
	payload = binary.BigEndian.AppendUint32(payload, epoch)
	payload = binary.BigEndian.AppendUint32(payload, uint32(f))
	payload = binary.BigEndian.AppendUint64(payload, uint64(seq)) //nolint:gosec // never negative
	return c.Seal(token.Resume, payload)
}

// openResumeToken returns the seq of a token, or [token.ErrInvalid] if it is not
// of this build and filter.
func openResumeToken(c *token.Codec, buildID uuid.UUID, f filter, sealed string) (int64, error) {
	payload, err := c.Open(token.Resume, sealed)
	if err != nil {
		return 0, err
	}
	if len(payload) != resumeLen || uuid.UUID(payload[:16]) != buildID ||
		binary.BigEndian.Uint32(payload[16:]) != epoch || binary.BigEndian.Uint32(payload[20:]) != uint32(f) {
		return 0, token.ErrInvalid
	}
	return int64(binary.BigEndian.Uint64(payload[24:])), nil //nolint:gosec // sealed from an int64
}
