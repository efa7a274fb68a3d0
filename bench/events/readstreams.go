package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// streams reads StreamEvents over the Connect protocol, of Sheen and of the
// peers that serve the same RPC. It parses what it checks and no more, so that
// the load leaves the cores to the server.
type streams struct {
	job     *Job
	clients []*http.Client
	shared  int
}

func newStreams(job *Job, d *dialer) *streams {
	var protocols http.Protocols
	protocols.SetHTTP1(!job.HTTP2)
	protocols.SetUnencryptedHTTP2(job.HTTP2)
	s := &streams{job: job, shared: job.Subscribers}
	if job.HTTP2 {
		s.shared = job.StreamsPerConnection
	}
	for range (job.Subscribers + s.shared - 1) / s.shared {
		s.clients = append(s.clients, &http.Client{Transport: &http.Transport{DialContext: d.dial, Protocols: &protocols}})
	}
	return s
}

var (
	errReset  = errors.New("the server cannot go on from the position")
	errStatus = errors.New("the server refused the stream")
	errEnd    = errors.New("the stream was cut")
)

func (c *streams) read(ctx context.Context, s *subscriber) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := c.request(ctx, s)
	if err != nil {
		return err
	}
	response, err := c.clients[s.number/c.shared].Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s", errStatus, response.Status)
	}
	in := newEnvelopes(response.Body)
	for {
		end, err := in.next(s)
		if err != nil {
			return err
		}
		s.subscribed()
		if end != nil {
			return ended(ctx, end)
		}
	}
}

func (c *streams) request(ctx context.Context, s *subscriber) (*http.Request, error) {
	last, token := s.position()
	message := &eventv1.StreamEventsRequest{BuildId: s.channel, Start: &eventv1.StreamEventsRequest_AfterSeq{AfterSeq: last}}
	if token != "" {
		message.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: token}
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	envelope := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(encoded)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		c.job.Address+eventv1connect.EventServiceStreamEventsProcedure, bytes.NewReader(append(envelope, encoded...)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/connect+proto")
	request.Header.Set("Connect-Protocol-Version", "1")
	if c.job.Gzip {
		request.Header.Set("Connect-Accept-Encoding", "gzip")
	}
	request.Header.Set("Authorization", "Bearer "+c.job.Token)
	return request, nil
}

func ended(ctx context.Context, end *eventv1.StreamEnd) error {
	if end.GetReason() != eventv1.StreamEndReason_STREAM_END_REASON_RECONNECT {
		return fmt.Errorf("%w: %w: %s", errBroken, errReset, end.GetReason())
	}
	return sleepUntil(ctx, time.Now().Add(end.GetReconnectAfter().AsDuration()))
}
