package main

import (
	"errors"
	"testing"
	"time"
)

func TestPayloadSaysWhatWasPutIn(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 123_456_789)
	for _, size := range []int{fillerAt, 160, 512, 4096} {
		for _, seq := range []int64{1, 97, 1 << 40} {
			payload := newPayload(seq, size, at)
			gotSeq, gotAt, err := readPayload([]byte(payload))
			if err != nil || gotSeq != seq || gotAt != at.UnixNano() || len(payload) != size {
				t.Errorf("size %d, seq %d: read %d, %d, %v from %d bytes", size, seq, gotSeq, gotAt, err, len(payload))
			}
		}
	}
}

func TestEveryDamagedBitIsFound(t *testing.T) {
	t.Parallel()
	whole := newPayload(7, 160, time.Unix(0, 1))
	for i := range len(whole) {
		damaged := []byte(whole)
		damaged[i] ^= 1
		if _, _, err := readPayload(damaged); !errors.Is(err, errChecksum) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	for length := range len(whole) {
		if _, _, err := readPayload([]byte(whole[:length])); !errors.Is(err, errChecksum) {
			t.Errorf("cut to %d bytes: %v", length, err)
		}
	}
}
