package event

import (
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
)

// message is a StreamEventsResponse whose events are encoded already, once for
// all subscribers.
type message struct {
	records []Record
	// position is the seq after which the stream goes on.
	position int64
	// rest is everything but the events.
	rest eventv1.StreamEventsResponse
}

// appendProto appends the message in protobuf's binary form.
func (m *message) appendProto(dst []byte) ([]byte, error) {
	dst = appendFrame(dst, m.records)
	dst, err := proto.MarshalOptions{}.MarshalAppend(dst, &m.rest)
	if err != nil {
		return nil, fmt.Errorf("encode a message: %w", err)
	}
	return dst, nil
}

// appendJSON appends the message in protobuf's JSON form.
func (m *message) appendJSON(dst []byte) ([]byte, error) {
	rest, err := protojson.Marshal(&m.rest)
	if err != nil {
		return nil, fmt.Errorf("encode a message: %w", err)
	}
	if len(m.records) == 0 {
		return append(dst, rest...), nil
	}
	dst = append(dst, `{"events":[`...)
	for i, r := range m.records {
		if i > 0 {
			dst = append(dst, ',')
		}
		form, err := r.JSON()
		if err != nil {
			return nil, err
		}
		dst = append(dst, form...)
	}
	// Every message has a token, so rest is never empty.
	dst = append(dst, `],`...)
	return append(dst, rest[1:]...), nil
}

var (
	errNotMessage = errors.New("not a protobuf message")
	errEmptyJSON  = errors.New("nothing is not a JSON object")
)

// Codecs make a handler send a stream's events as they are stored. Everything
// else is encoded as usual.
func Codecs() connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCodec(binaryCodec{}),
		connect.WithCodec(jsonCodec{"json"}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
	)
}

type binaryCodec struct{}

// Name implements [connect.Codec].
func (binaryCodec) Name() string { return "proto" }

// Marshal implements [connect.Codec].
func (c binaryCodec) Marshal(m any) ([]byte, error) { return c.MarshalAppend(nil, m) }

// MarshalAppend copies into dst: the RPC library reuses what it gets.
func (binaryCodec) MarshalAppend(dst []byte, m any) ([]byte, error) {
	switch m := m.(type) {
	case *message:
		return m.appendProto(dst)
	case proto.Message:
		return proto.MarshalOptions{}.MarshalAppend(dst, m) //nolint:wrapcheck // the RPC library wraps it
	default:
		return nil, fmt.Errorf("%w: %T", errNotMessage, m)
	}
}

// Unmarshal implements [connect.Codec].
func (binaryCodec) Unmarshal(data []byte, m any) error {
	target, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%w: %T", errNotMessage, m)
	}
	return proto.Unmarshal(data, target) //nolint:wrapcheck // the RPC library wraps it
}

type jsonCodec struct{ name string }

// Name implements [connect.Codec].
func (c jsonCodec) Name() string { return c.name }

// Marshal implements [connect.Codec].
func (c jsonCodec) Marshal(m any) ([]byte, error) { return c.MarshalAppend(nil, m) }

// MarshalAppend copies into dst, as its binary counterpart does.
func (jsonCodec) MarshalAppend(dst []byte, m any) ([]byte, error) {
	switch m := m.(type) {
	case *message:
		return m.appendJSON(dst)
	case proto.Message:
		return protojson.MarshalOptions{}.MarshalAppend(dst, m) //nolint:wrapcheck // the RPC library wraps it
	default:
		return nil, fmt.Errorf("%w: %T", errNotMessage, m)
	}
}

// Unmarshal takes fields that it does not know for those of a newer client.
func (jsonCodec) Unmarshal(data []byte, m any) error {
	target, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%w: %T", errNotMessage, m)
	}
	if len(data) == 0 {
		return errEmptyJSON
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, target) //nolint:wrapcheck // the RPC library wraps it
}
