package locale

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"
)

// The headers that tell in which locale an answer is.
const (
	// HeaderLanguage holds the locale.
	HeaderLanguage = "Content-Language"
	// HeaderPath holds the chain that messages were looked up along, most specific
	// first, separated by commas. It is for debugging.
	HeaderPath = "Sheen-Locale-Path"

	headerAccepted = "Accept-Language"
)

// Reading is the locale that an answer is given in.
type Reading struct {
	Resolution

	// negotiated says that the Accept-Language header was looked at.
	negotiated bool
}

// Read returns the locale for reading what has a locale of its own, such as a
// build: the one that a request's field names, or else its own. A field that names
// an unsupported one means [Default].
func Read(field, own string) Reading {
	if field != "" {
		own = field
	}
	return Reading{Resolution: Resolve(own)}
}

// Negotiate returns the locale for an answer about what has none of its own: the
// one that a request's field names; or else the first of known, such as the
// language of a prompt, that is not empty; or else the best of the call's
// Accept-Language header. A field that names an unsupported one means [Default].
func Negotiate(ctx context.Context, field string, known ...string) Reading {
	for _, tag := range append([]string{field}, known...) {
		if tag != "" {
			return Reading{Resolution: Resolve(tag)}
		}
	}
	var header http.Header
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		header = call.RequestHeader()
	}
	return Reading{Resolution: Resolve(accepted(header)...), negotiated: true}
}

// Asked returns the locale that a reader asked for, by a request's field or else by
// the Accept-Language header; false means that nothing supported was asked for.
func Asked(field string, header http.Header) (Reading, bool) {
	tags := []string{field}
	if field == "" {
		tags = accepted(header)
	}
	for _, tag := range tags {
		if found, ok := match(tag); ok {
			return Reading{Resolution: Resolve(found), negotiated: field == ""}, true
		}
	}
	return Reading{}, false
}

// accepted are the tags of a header that may stand there several times.
func accepted(header http.Header) []string {
	return FromHeader(strings.Join(header.Values(headerAccepted), ","))
}

// Tell writes into the call's response header which locale its answer is in. Calls
// that end with an error are told of by the one who makes the error.
func (r Reading) Tell(ctx context.Context) {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		r.Mark(call.ResponseHeader())
	}
}

// TellAll is [Reading.Tell] for an answer whose parts are each in a locale of their
// own. There is one path to tell only if there is one locale.
func TellAll(ctx context.Context, tags []string) {
	if len(tags) == 1 {
		Read("", tags[0]).Tell(ctx)
		return
	}
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok && len(tags) > 0 {
		call.ResponseHeader().Set(HeaderLanguage, strings.Join(tags, ", "))
	}
}

// Mark is [Reading.Tell] for an answer outside the RPC library.
func (r Reading) Mark(header http.Header) {
	header.Set(HeaderLanguage, r.Tag)
	header.Set(HeaderPath, strings.Join(r.Path, ","))
	if r.negotiated {
		header.Add("Vary", headerAccepted)
	}
}
