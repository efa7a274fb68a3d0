package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

const (
	// readBuffer holds what a subscriber has received and not yet checked; an
	// event must fit into it.
	readBuffer = 16 << 10
	// The flags of an envelope of the Connect protocol: it is compressed; it is
	// the stream's last one.
	zipFlag = 1
	endFlag = 2
)

// envelopes reads the messages of one stream.
type envelopes struct {
	in *bufio.Reader
	// What unzips; nil until something has to be.
	unzip    *gzip.Reader
	unzipped *bufio.Reader
	plain    bytes.Buffer
}

func newEnvelopes(body io.Reader) *envelopes {
	return &envelopes{in: bufio.NewReaderSize(body, readBuffer)}
}

// next reads one envelope and hands its events over. It returns the stream's
// end if the server says it.
func (e *envelopes) next(s *subscriber) (*eventv1.StreamEnd, error) {
	header, err := e.in.Peek(5)
	if err != nil {
		return nil, err
	}
	flags, length := header[0], int(binary.BigEndian.Uint32(header[1:]))
	skip(e.in, 5)
	switch {
	case flags&endFlag != 0:
		status, err := io.ReadAll(io.LimitReader(e.in, int64(length)))
		return nil, errors.Join(fmt.Errorf("%w: %s", errEnd, status), err)
	case flags&zipFlag != 0:
		if err := e.inflate(length); err != nil {
			return nil, err
		}
		return readMessage(e.unzipped, e.plain.Len(), s)
	default:
		return readMessage(e.in, length, s)
	}
}

// inflate makes the next length bytes readable from unzipped.
func (e *envelopes) inflate(length int) (err error) {
	zipped := io.LimitReader(e.in, int64(length))
	if e.unzip == nil {
		e.unzipped = bufio.NewReaderSize(nil, readBuffer)
		e.unzip, err = gzip.NewReader(zipped)
	} else {
		err = e.unzip.Reset(zipped)
	}
	if err != nil {
		return err
	}
	e.plain.Reset()
	if _, err := e.plain.ReadFrom(e.unzip); err != nil {
		return err
	}
	e.unzipped.Reset(bytes.NewReader(e.plain.Bytes()))
	return nil
}

// readMessage reads a StreamEventsResponse of a length and hands its events
// over, each from where it lies in the buffer.
func readMessage(in *bufio.Reader, length int, s *subscriber) (*eventv1.StreamEnd, error) {
	now := time.Now()
	var end *eventv1.StreamEnd
	for length > 0 {
		number, value, size, err := nextField(in, length)
		if err != nil {
			return nil, err
		}
		switch number {
		case 1:
			err = takeEvent(s, value, now)
		case 2:
			s.resumeAt(value)
		case 5:
			end = &eventv1.StreamEnd{ReconnectAfter: &durationpb.Duration{}}
			err = proto.Unmarshal(value, end)
		}
		if err != nil {
			return nil, err
		}
		skip(in, size)
		length -= size
	}
	return end, nil
}

// nextField looks at the field at the front of the buffer. value is what a field
// of bytes holds, size what the field takes on the whole.
func nextField(in *bufio.Reader, left int) (number protowire.Number, value []byte, size int, err error) {
	// A tag and a length or a number, if as much is left.
	head, err := in.Peek(min(left, 2*binary.MaxVarintLen64))
	if err != nil {
		return 0, nil, 0, err
	}
	number, kind, n := protowire.ConsumeTag(head)
	if n < 0 {
		return 0, nil, 0, fmt.Errorf("%w: %w", errBroken, protowire.ParseError(n))
	}
	if kind != protowire.BytesType {
		m := protowire.ConsumeFieldValue(number, kind, head[n:])
		if m < 0 {
			return 0, nil, 0, fmt.Errorf("%w: %w", errBroken, protowire.ParseError(m))
		}
		return number, nil, n + m, nil
	}
	length, m := protowire.ConsumeVarint(head[n:])
	if m < 0 || int(length) > left {
		return 0, nil, 0, fmt.Errorf("%w: a field of %d bytes", errBroken, length)
	}
	size = n + m + int(length)
	all, err := in.Peek(size)
	if err != nil {
		return 0, nil, 0, fmt.Errorf("read a field of %d bytes: %w", length, err)
	}
	return number, all[n+m:], size, nil
}

// skip drops what was peeked at, which cannot fail.
func skip(in *bufio.Reader, size int) { _, _ = in.Discard(size) }

// takeEvent checks a BuildEvent.
func takeEvent(s *subscriber, wire []byte, now time.Time) error {
	var (
		seq     uint64
		stored  time.Time
		payload []byte
	)
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return fmt.Errorf("%w: %w", errBroken, protowire.ParseError(n))
		}
		value := wire[n:]
		m := protowire.ConsumeFieldValue(number, kind, value)
		if m < 0 {
			return fmt.Errorf("%w: %w", errBroken, protowire.ParseError(m))
		}
		wire = value[m:]
		switch number {
		case 2:
			seq, _ = protowire.ConsumeVarint(value)
		case 3:
			if inner, n := protowire.ConsumeBytes(value); n > 0 && s.fleet.job.Latency {
				stored = readTime(inner)
			}
		case 14:
			line, _ := protowire.ConsumeBytes(value)
			payload, _ = bytesField(line, 2)
		}
	}
	return s.take(payload, int64(seq), now, stored)
}

// bytesField is the value of a field of a message.
func bytesField(message []byte, wanted protowire.Number) ([]byte, bool) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		if number == wanted && kind == protowire.BytesType {
			value, m := protowire.ConsumeBytes(message[n:])
			return value, m >= 0
		}
		m := protowire.ConsumeFieldValue(number, kind, message[n:])
		if m < 0 {
			return nil, false
		}
		message = message[n+m:]
	}
	return nil, false
}

// readTime is the instant of a Timestamp.
func readTime(wire []byte) time.Time {
	var seconds, nanos uint64
	for len(wire) > 0 {
		number, _, n := protowire.ConsumeTag(wire)
		if n < 0 {
			break
		}
		value, m := protowire.ConsumeVarint(wire[n:])
		if m < 0 {
			break
		}
		if number == 1 {
			seconds = value
		} else {
			nanos = value
		}
		wire = wire[n+m:]
	}
	return time.Unix(int64(seconds), int64(nanos))
}
