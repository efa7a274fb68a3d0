package main

import (
	"errors"
	"hash/crc32"
	"time"
)

// A payload is text, as the log's events are: a checksum of what follows it, the
// seq and the time of publication in Unix nanoseconds, as hex of fixed width,
// and letters up to the wanted size.
const (
	seqAt    = 8
	timeAt   = seqAt + 16
	fillerAt = timeAt + 16
)

var (
	errChecksum = errors.New("an event's bytes are damaged")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	filler      = makeFiller(64 << 10)
)

func makeFiller(size int) []byte {
	letters := make([]byte, size)
	state := uint32(1)
	for i := range letters {
		state = state*1664525 + 1013904223
		letters[i] = 'a' + byte(state>>24)%26
	}
	return letters
}

// newPayload makes the event of a seq, at least fillerAt bytes long.
func newPayload(seq int64, size int, at time.Time) string {
	text := make([]byte, size)
	from := int(seq*97) % (len(filler) - size)
	copy(text, filler[from:from+size])
	putHex(text[seqAt:timeAt], uint64(seq))
	putHex(text[timeAt:fillerAt], uint64(at.UnixNano()))
	putHex(text[:seqAt], uint64(crc32.Checksum(text[seqAt:], castagnoli)))
	return string(text)
}

// readPayload checks a payload's bytes and returns its seq and its time.
func readPayload(payload []byte) (seq, at int64, err error) {
	if len(payload) < fillerAt {
		return 0, 0, errChecksum
	}
	sum, ok := readHex(payload[:seqAt])
	if !ok || uint32(sum) != crc32.Checksum(payload[seqAt:], castagnoli) {
		return 0, 0, errChecksum
	}
	number, _ := readHex(payload[seqAt:timeAt])
	nanos, ok := readHex(payload[timeAt:fillerAt])
	if !ok {
		return 0, 0, errChecksum
	}
	return int64(number), int64(nanos), nil
}

func readHex(digits []byte) (value uint64, ok bool) {
	for _, d := range digits {
		switch {
		case d >= '0' && d <= '9':
			value = value<<4 | uint64(d-'0')
		case d >= 'a' && d <= 'f':
			value = value<<4 | uint64(d-'a'+10)
		default:
			return 0, false
		}
	}
	return value, true
}

func putHex(into []byte, value uint64) {
	const digits = "0123456789abcdef"
	for i := len(into) - 1; i >= 0; i-- {
		into[i] = digits[value&15]
		value >>= 4
	}
}
