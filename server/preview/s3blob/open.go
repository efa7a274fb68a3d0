package s3blob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
)

const (
	// tries is how often a request is sent while the store is away or asks to slow
	// down: with the pauses between, about two seconds.
	tries = 6
	// answerTimeout is what the store may take to begin an answer.
	answerTimeout = 10 * time.Second
	// roleTimeout bounds the question for an instance's role, which nobody answers
	// where there is none.
	roleTimeout = 2 * time.Second
	// openTimeout bounds the check at the start.
	openTimeout = 15 * time.Second
)

// What is wrong with a bucket, as an operator is told.
var (
	errNoBucket    = errors.New("the bucket does not exist: make it, or correct its name")
	errRefused     = errors.New("the store refuses these credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they may list, read, write and delete")
	errUnreachable = errors.New("the store cannot be reached: check the endpoint and the network")
)

// Open connects to a bucket and looks into it once, so that a mistake shows now.
// The credentials are those of the environment, of the files of the AWS tools or
// of the instance's role, whichever is found first. The error is one sentence for
// the operator.
func Open(ctx context.Context, opts Options) (*blob.Bucket, error) {
	b, err := newBucket(opts)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", opts.Bucket, err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if _, err := b.ListPaged(ctx, &driver.ListOptions{Prefix: opts.Prefix, PageSize: 1}); err != nil {
		return nil, fmt.Errorf("bucket %s at %s: %w", opts.Bucket, b.endpoint, diagnose(err))
	}
	return blob.NewBucket(driver.NewPrefixedBucket(b, opts.Prefix)), nil
}

// diagnose says what an operator can do about an error at the start.
func diagnose(err error) error {
	code := ""
	if said, ok := errors.AsType[minio.ErrorResponse](err); ok {
		code = said.Code
	}
	switch {
	case code == minio.NoSuchBucket:
		return errNoBucket
	case isRefusal(code):
		return fmt.Errorf("%w (%s)", errRefused, code)
	default:
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
}

func newBucket(opts Options) (*bucket, error) {
	host, secure, region := "s3.amazonaws.com", true, opts.Region
	if opts.Endpoint != "" {
		u, err := url.Parse(opts.Endpoint)
		if err != nil {
			return nil, errAddress
		}
		host, secure = u.Host, u.Scheme != "http"
		if region == "" {
			region = "us-east-1"
		}
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("set up TLS: %w", err)
	}
	transport.ResponseHeaderTimeout = answerTimeout
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{},
			&credentials.FileAWSCredentials{},
			&credentials.IAM{Client: &http.Client{Timeout: roleTimeout}},
		}),
		Secure: secure, Region: region, Transport: transport, MaxRetries: tries,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the client: %w", err)
	}
	return &bucket{
		store: callsOf(client, opts.Bucket, transport.CloseIdleConnections), endpoint: client.EndpointURL().String(),
	}, nil
}
