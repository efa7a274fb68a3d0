package main

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	conformancev1 "github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1"
)

// call is what there is to tell of a call, whatever its kind: a [connect.CallInfo]
// or a stream.
type call interface {
	RequestHeader() http.Header
	Peer() connect.Peer
}

// requestInfo echoes a call and its messages.
func requestInfo(c call, requests ...proto.Message) (*conformancev1.ConformancePayload_RequestInfo, error) {
	info := &conformancev1.ConformancePayload_RequestInfo{
		RequestHeaders: pairs(c.RequestHeader()),
		TimeoutMs:      timeoutMillis(c.RequestHeader()),
	}
	if query := c.Peer().Query; len(query) > 0 {
		info.ConnectGetInfo = &conformancev1.ConformancePayload_ConnectGetInfo{QueryParams: pairs(query)}
	}
	for _, request := range requests {
		packed, err := anypb.New(request)
		if err != nil {
			return nil, connect.NewError(connect.CodeInternal, err)
		}
		info.Requests = append(info.Requests, packed)
	}
	return info, nil
}

func pairs[M http.Header | url.Values](values M) []*conformancev1.Header {
	all := make([]*conformancev1.Header, 0, len(values))
	for name, value := range values {
		all = append(all, &conformancev1.Header{Name: name, Value: value})
	}
	return all
}

// timeoutMillis is what the caller asked for, not the deadline that came of it:
// Sheen's own may be earlier. Nil means that it asked for nothing.
func timeoutMillis(header http.Header) *int64 {
	if value, err := strconv.ParseInt(header.Get("Connect-Timeout-Ms"), 10, 64); err == nil {
		return &value
	}
	value := header.Get("Grpc-Timeout")
	if value == "" {
		return nil
	}
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	last := len(value) - 1
	count, err := strconv.ParseInt(value[:last], 10, 64)
	if err != nil {
		return nil
	}
	return proto.Int64((time.Duration(count) * units[value[last]]).Milliseconds())
}

// put copies what the suite defines into a header or trailer.
func put(into http.Header, defined []*conformancev1.Header) {
	for _, header := range defined {
		for _, value := range header.GetValue() {
			into.Add(header.GetName(), value)
		}
	}
}
