package main

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	conformancev1 "github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1"
)

// ServerStream implements the RPC.
func (service) ServerStream(ctx context.Context, req *conformancev1.ServerStreamRequest, stream *connect.ServerStream[conformancev1.ServerStreamResponse]) error {
	c, _ := connect.CallInfoForHandlerContext(ctx)
	r := &responses{stream: c, defined: req.GetResponseDefinition(), send: func(payload *conformancev1.ConformancePayload) error {
		if payload == nil {
			return stream.Send(nil)
		}
		return stream.Send(&conformancev1.ServerStreamResponse{Payload: payload})
	}}
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.all(ctx, req); err != nil {
		return err
	}
	return r.end(req)
}

// all sends every message that is left; the first one echoes the requests.
func (r *responses) all(ctx context.Context, requests ...proto.Message) error {
	for r.left() {
		if err := r.next(ctx, requests...); err != nil {
			return err
		}
		requests = nil
	}
	return nil
}

// BidiStream implements the RPC.
func (service) BidiStream(ctx context.Context, stream *connect.BidiStream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse]) error {
	r := &responses{stream: stream, send: func(payload *conformancev1.ConformancePayload) error {
		if payload == nil {
			return stream.Send(nil)
		}
		return stream.Send(&conformancev1.BidiStreamResponse{Payload: payload})
	}}
	first, err := stream.Receive()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	r.defined = first.GetResponseDefinition()
	if err := r.begin(); err != nil {
		return err
	}
	if first.GetFullDuplex() {
		return r.alternate(ctx, stream, first)
	}
	requests := []proto.Message{first}
	for {
		req, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, req)
	}
	if err := r.all(ctx, requests...); err != nil {
		return err
	}
	return r.end(requests...)
}

// alternate answers each request at once. What is left when there are no more
// requests follows.
func (r *responses) alternate(
	ctx context.Context, stream *connect.BidiStream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse], req *conformancev1.BidiStreamRequest,
) error {
	for {
		if !r.left() {
			return r.end(req)
		}
		if err := r.next(ctx, req); err != nil {
			return err
		}
		next, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		req = next
	}
	if err := r.all(ctx); err != nil {
		return err
	}
	return r.end()
}
