package llm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent is the longest line that a stream may have, in bytes. A provider that
// does not stream arguments sends a whole file in one.
const maxEvent = 8 << 20

// events calls yield with the data of each event of a stream of server-sent
// events until the stream ends, or with what yield returns. The data is only valid
// during the call. An event without its blank line is dropped, as the standard
// says; names are not looked at: both formats repeat them in the data.
func events(stream io.Reader, yield func(data []byte) error) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 0, 16<<10), maxEvent)
	var data []byte
	pending := false
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if len(line) == 0 {
			if pending {
				if err := yield(data); err != nil {
					return err
				}
			}
			data, pending = data[:0], false
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if pending {
			data = append(data, '\n')
		}
		data, pending = append(data, bytes.TrimPrefix(value, []byte(" "))...), true
		if len(data) > maxEvent {
			return bufio.ErrTooLong
		}
	}
	return lines.Err() //nolint:wrapcheck // the caller says whose stream it is
}

// ErrDone is what [Decoder.Event] returns when nothing more is to come.
var ErrDone = errors.New("the stream is over")
