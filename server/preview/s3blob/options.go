package s3blob

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Options say where blobs are.
type Options struct {
	// Bucket is the bucket's name.
	Bucket string
	// Region is where the bucket is; empty asks the store, or is "us-east-1" if
	// Endpoint is set.
	Region string
	// Endpoint is the store's scheme and host, such as "http://127.0.0.1:9000";
	// empty is AWS. Only "http" speaks without TLS.
	Endpoint string
	// Prefix comes before every key, with a final "/"; empty for none.
	Prefix string
}

// errAddress says that an address of a bucket has not the form it should have.
var errAddress = errors.New("should be s3://bucket?region=…&endpoint=https://host&prefix=folder")

// bucketName is what S3 takes as one.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Parse reads "s3://bucket?region=…&endpoint=…&prefix=…". All parameters may be
// missing. The error is a clause that says what the address should have been.
func Parse(address string) (Options, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.User != nil || u.Path != "" || u.Fragment != "" || !bucketName.MatchString(u.Host) {
		return Options{}, errAddress
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, errAddress
	}
	for name, values := range query {
		if !slices.Contains([]string{"region", "endpoint", "prefix"}, name) || len(values) > 1 {
			return Options{}, fmt.Errorf("has the parameter %q: %w", name, errAddress)
		}
	}
	opts := Options{
		Bucket: u.Host, Region: query.Get("region"),
		Endpoint: strings.TrimSuffix(query.Get("endpoint"), "/"), Prefix: query.Get("prefix"),
	}
	if opts.Prefix = strings.Trim(opts.Prefix, "/"); opts.Prefix != "" {
		opts.Prefix += "/"
	}
	if opts.Endpoint != "" && !isEndpoint(opts.Endpoint) {
		return Options{}, fmt.Errorf("has the endpoint %q: %w", opts.Endpoint, errAddress)
	}
	return opts, nil
}

// isEndpoint reports whether s is a scheme and a host and nothing else.
func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Scheme+"://"+u.Host == s
}
