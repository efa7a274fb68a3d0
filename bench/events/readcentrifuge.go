package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/centrifugal/protocol"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protowire"
)

// centrifugeClients reads centrifuge's protobuf protocol over WebSocket, a
// connection for each subscriber, and recovers from where it was after a cut.
// Like streams it parses what it checks and no more; centrifuge-go takes several
// times as much, which would count against the server.
type centrifugeClients struct {
	job    *Job
	dialer *dialer
}

var errCommand = errors.New("centrifuge refused a command")

func (c *centrifugeClients) read(ctx context.Context, s *subscriber) error {
	dialer := websocket.Dialer{
		NetDialContext: c.dialer.dial, Subprotocols: []string{"centrifuge-protobuf"}, HandshakeTimeout: 30 * time.Second,
	}
	connection, response, err := dialer.DialContext(ctx, c.job.Address, http.Header{})
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	defer connection.Close()
	last, epoch := s.position()
	err = errors.Join(
		sendCommand(connection, &protocol.Command{Id: 1, Connect: &protocol.ConnectRequest{}}),
		sendCommand(connection, &protocol.Command{Id: 2, Subscribe: &protocol.SubscribeRequest{
			Channel: s.channel, Recoverable: true, Recover: epoch != "", Epoch: epoch, Offset: uint64(last),
		}}),
	)
	in := bufio.NewReaderSize(nil, readBuffer)
	for err == nil {
		_, frame, next := connection.NextReader()
		if next != nil {
			return next
		}
		in.Reset(frame)
		err = readReplies(connection, in, s)
	}
	return err
}

func sendCommand(connection *websocket.Conn, command *protocol.Command) error {
	encoded, err := protocol.NewProtobufCommandEncoder().Encode(command)
	if err != nil {
		return err
	}
	return connection.WriteMessage(websocket.BinaryMessage, encoded)
}

// readReplies reads a frame: replies, each behind its length. Those without a
// push are few and read by the protocol's own code.
func readReplies(connection *websocket.Conn, in *bufio.Reader, s *subscriber) error {
	now := time.Now()
	for {
		length, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		reply, err := in.Peek(int(length))
		if err != nil {
			return fmt.Errorf("read a reply of %d bytes: %w", length, err)
		}
		data, offset, ok := publicationIn(reply)
		if ok {
			err = s.take(data, offset, now, time.Time{})
		} else {
			err = answer(connection, reply, s, now)
		}
		if err != nil {
			return err
		}
		skip(in, int(length))
	}
}

// publicationIn finds the data and the offset in Reply.push.pub.
func publicationIn(reply []byte) (data []byte, offset int64, ok bool) {
	push, ok := bytesField(reply, 4)
	if !ok {
		return nil, 0, false
	}
	publication, ok := bytesField(push, 4)
	for len(publication) > 0 {
		number, kind, n := protowire.ConsumeTag(publication)
		if n < 0 {
			return nil, 0, false
		}
		m := protowire.ConsumeFieldValue(number, kind, publication[n:])
		if m < 0 {
			return nil, 0, false
		}
		switch number {
		case 4:
			data, _ = protowire.ConsumeBytes(publication[n:])
		case 6:
			value, _ := protowire.ConsumeVarint(publication[n:])
			offset = int64(value)
		}
		publication = publication[n+m:]
	}
	return data, offset, ok
}

// answer handles every reply that is no publication.
func answer(connection *websocket.Conn, wire []byte, s *subscriber, now time.Time) error {
	if len(wire) == 0 {
		return sendCommand(connection, &protocol.Command{}) // A ping.
	}
	var reply protocol.Reply
	if err := reply.UnmarshalCF(wire); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if reply.GetError() != nil {
		return fmt.Errorf("%w: %s", errCommand, reply.GetError().GetMessage())
	}
	if push := reply.GetPush(); push.GetDisconnect() != nil || push.GetUnsubscribe() != nil {
		return fmt.Errorf("%w: %v", errEnd, push)
	}
	subscribed := reply.GetSubscribe()
	if subscribed == nil {
		return nil
	}
	if subscribed.GetWasRecovering() && !subscribed.GetRecovered() {
		return fmt.Errorf("%w: %w", errBroken, errReset)
	}
	s.resumeAt([]byte(subscribed.GetEpoch()))
	for _, publication := range subscribed.GetPublications() {
		if err := s.take(publication.GetData(), int64(publication.GetOffset()), now, time.Time{}); err != nil {
			return err
		}
	}
	s.subscribed()
	return nil
}
