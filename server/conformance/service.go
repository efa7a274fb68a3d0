package main

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	conformancev1 "github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1"
	"github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
)

// service does what the suite's requests tell it to, as the suite's contract says.
type service struct {
	conformancev1connect.UnimplementedConformanceServiceHandler
}

// Unary implements the RPC.
func (service) Unary(ctx context.Context, req *conformancev1.UnaryRequest) (*conformancev1.UnaryResponse, error) {
	payload, err := answer(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.UnaryResponse{Payload: payload}, err
}

// IdempotentUnary implements the RPC.
func (service) IdempotentUnary(ctx context.Context, req *conformancev1.IdempotentUnaryRequest) (*conformancev1.IdempotentUnaryResponse, error) {
	payload, err := answer(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.IdempotentUnaryResponse{Payload: payload}, err
}

// ClientStream implements the RPC.
func (service) ClientStream(ctx context.Context, stream *connect.ClientStream[conformancev1.ClientStreamRequest]) (*conformancev1.ClientStreamResponse, error) {
	var (
		defined  *conformancev1.UnaryResponseDefinition
		requests []proto.Message
	)
	for stream.Receive() {
		if len(requests) == 0 {
			defined = stream.Msg().GetResponseDefinition()
		}
		requests = append(requests, stream.Msg())
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	payload, err := answer(ctx, defined, requests...)
	return &conformancev1.ClientStreamResponse{Payload: payload}, err
}

// answer is the one response, or the error, of a call.
func answer(ctx context.Context, defined *conformancev1.UnaryResponseDefinition, requests ...proto.Message) (*conformancev1.ConformancePayload, error) {
	c, _ := connect.CallInfoForHandlerContext(ctx)
	info, err := requestInfo(c, requests...)
	if err != nil {
		return nil, err
	}
	put(c.ResponseHeader(), defined.GetResponseHeaders())
	put(c.ResponseTrailer(), defined.GetResponseTrailers())
	if err := wait(ctx, defined.GetResponseDelayMs()); err != nil {
		return nil, err
	}
	if failed := defined.GetError(); failed != nil {
		return nil, newFailure(failed, info)
	}
	return &conformancev1.ConformancePayload{Data: defined.GetResponseData(), RequestInfo: info}, nil
}

// wait pauses for so many milliseconds, unless the call ends before.
func wait(ctx context.Context, millis uint32) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(millis) * time.Millisecond):
		return nil
	}
}

// responder is a stream of responses.
type responder interface {
	call
	ResponseHeader() http.Header
	ResponseTrailer() http.Header
}

// responses are the messages of a stream and how it ends. It is not safe for
// concurrent use.
type responses struct {
	stream  responder
	defined *conformancev1.StreamResponseDefinition
	// send sends a message, or only the header if there is none.
	send func(*conformancev1.ConformancePayload) error
	sent int
}

// begin sends the header, so that the caller can go on.
func (r *responses) begin() error {
	put(r.stream.ResponseHeader(), r.defined.GetResponseHeaders())
	put(r.stream.ResponseTrailer(), r.defined.GetResponseTrailers())
	if len(r.defined.GetResponseData()) == 0 {
		return nil // What comes is an error or the end, which has the header with it.
	}
	return r.send(nil)
}

// left reports whether there is a message to send.
func (r *responses) left() bool { return r.sent < len(r.defined.GetResponseData()) }

// next sends the next message, which echoes requests if there are any.
func (r *responses) next(ctx context.Context, requests ...proto.Message) error {
	if err := wait(ctx, r.defined.GetResponseDelayMs()); err != nil {
		return err
	}
	payload := &conformancev1.ConformancePayload{Data: r.defined.GetResponseData()[r.sent]}
	if len(requests) > 0 {
		info, err := requestInfo(r.stream, requests...)
		if err != nil {
			return err
		}
		payload.RequestInfo = info
	}
	r.sent++
	return r.send(payload)
}

// end is the error that the stream is to end with. One that comes before any
// message echoes the requests.
func (r *responses) end(requests ...proto.Message) error {
	failed := r.defined.GetError()
	if failed == nil {
		return nil
	}
	if r.sent > 0 {
		return newFailure(failed)
	}
	info, err := requestInfo(r.stream, requests...)
	if err != nil {
		return err
	}
	return newFailure(failed, info)
}
