package main

import "regexp"

// deviations are what the suite finds in Sheen's errors, and why it is so. name
// limits one to some cases; empty is all. sometimes says that the client's timing
// decides whether a case differs.
var deviations = []struct {
	name, complaint, why string
	sometimes            bool
}{
	{
		complaint: `^actual error contain (1 details; expecting 0|2 details; expecting 1)$`,
		why:       "every error has one detail more, its ErrorInfo",
	},
	{
		complaint: `^actual error detail #1 does not match expected error detail: - wanted, \+ got$`,
		why:       "the ErrorInfo comes first",
	},
	{
		complaint: `^connect error JSON: details\[0\]: could not check debug data because message type "google\.rpc\.ErrorInfo" could not be resolved`,
		why:       "the suite does not know the type",
	},
	{
		name:      `Unexpected Requests/.*/(unexpected-content-type|unexpected-codec|unexpected-verb)$`,
		complaint: `^actual error \{code: 3 \(invalid_argument\), message: ".*"\} does not match expected code 2 \(unknown\)$`,
		why: "a wrong content type or method gets a body that says so, besides its HTTP status; " +
			"without one, a client makes UNKNOWN of the status",
	},
	{
		name:      `Unexpected Requests/.*/(unexpected-content-type|unexpected-verb)$`,
		complaint: `^connect error JSON: unexpected end of JSON input$`,
		why:       "a client of gRPC does not read that body, and the suite judges what was read",
	},
	{
		name:      `^gRPC Unexpected Requests/.*/unexpected-codec$`,
		complaint: `^trailers did not include 'grpc-status' key$`,
		why:       "a client of gRPC does not always read the trailers behind an unknown content type, where the status is",
		sometimes: true,
	},
	{
		name:      `^gRPC(-Web)? Unexpected Requests/.*/unexpected-compressed-message$`,
		complaint: `^actual error \{code: 3 \(invalid_argument\), message: ".*"\} does not match expected code 13 \(internal\)$`,
		why:       "whatever cannot be read of a request is the caller's mistake, never INTERNAL",
	},
}

// deviation is the index of the one that explains a complaint, or -1.
func deviation(name, complaint string) int {
	for i, d := range deviations {
		if regexp.MustCompile(d.name).MatchString(name) && regexp.MustCompile(d.complaint).MatchString(complaint) {
			return i
		}
	}
	return -1
}
