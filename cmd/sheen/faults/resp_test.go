package faults

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// requests cuts what a client of Redis sends into whole commands, however its
// bytes come. The zero value is at the beginning of a connection.
type requests struct {
	rest []byte
}

// command is one request as it was sent, and where its words lie in it.
type command struct {
	raw   []byte
	words [][2]int
}

func (c command) word(i int) []byte {
	if i >= len(c.words) {
		return nil
	}
	return c.raw[c.words[i][0]:c.words[i][1]]
}

// take adds bytes and returns the commands that are whole now. What is not an
// array of strings is no command of a client library; it is passed on as it is.
func (r *requests) take(data []byte) []command {
	r.rest = append(r.rest, data...)
	var whole []command
	for len(r.rest) > 0 {
		c, ok := cutCommand(r.rest)
		if !ok {
			break
		}
		r.rest = r.rest[len(c.raw):]
		c.raw = bytes.Clone(c.raw)
		whole = append(whole, c)
	}
	return whole
}

// cutCommand reads one command from the beginning of data, if it is whole.
func cutCommand(data []byte) (c command, ok bool) {
	count, at, ok := cutLength(data, 0, '*')
	if !ok {
		return command{}, false
	}
	if count < 0 {
		return command{raw: data}, true
	}
	for range count {
		size, from, ok := cutLength(data, at, '$')
		if !ok {
			return command{}, false
		}
		if size < 0 {
			return command{raw: data}, true
		}
		if at = from + size + 2; at > len(data) {
			return command{}, false
		}
		c.words = append(c.words, [2]int{from, from + size})
	}
	c.raw = data[:at]
	return c, true
}

// cutLength reads "*3\r\n" or "$5\r\n" at a place. The length is negative for
// anything else; it is not ok for what has not come whole.
func cutLength(data []byte, at int, kind byte) (length, next int, ok bool) {
	line, _, found := bytes.Cut(data[at:], []byte("\r\n"))
	if !found {
		return 0, 0, false
	}
	length, err := strconv.Atoi(strings.TrimPrefix(string(line), string(kind)))
	if err != nil || line[0] != kind {
		return -1, 0, true
	}
	return length, at + len(line) + 2, true
}

func encodeCommand(words ...string) string {
	var b strings.Builder
	b.WriteString("*" + strconv.Itoa(len(words)) + "\r\n")
	for _, word := range words {
		b.WriteString("$" + strconv.Itoa(len(word)) + "\r\n" + word + "\r\n")
	}
	return b.String()
}

func TestRequestsAreCutIntoCommands(t *testing.T) {
	t.Parallel()
	sent := [][]string{
		{"HELLO", "3"},
		{"XADD", "ev:{b}", "7-0", "frame", "\r\n*1\r\n$4\r\nPING\r\n\x00"},
		{"PUBLISH", "channel", "$3\r\nabc\r\n"},
		{"PUBLISH", "", ""},
		{"EXPIRE", "ev:{b}", "3600"},
	}
	var encoded strings.Builder
	for _, words := range sent {
		encoded.WriteString(encodeCommand(words...))
	}
	wire := encoded.String()
	for size := 1; size <= len(wire); size++ {
		var r requests
		var got [][]string
		var passed bytes.Buffer
		for chunk := range slices.Chunk([]byte(wire), size) {
			for _, c := range r.take(chunk) {
				var words []string
				for i := range c.words {
					words = append(words, string(c.word(i)))
				}
				got = append(got, words)
				passed.Write(c.raw)
			}
		}
		if !slices.EqualFunc(got, sent, slices.Equal) {
			t.Fatalf("in pieces of %d: %q", size, got)
		}
		if passed.String() != wire {
			t.Fatalf("in pieces of %d: passed on %q", size, passed.String())
		}
	}
}
