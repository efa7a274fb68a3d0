package s3blob

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"

	"github.com/sheenapps/sheen/server/preview/s3test"
)

// notOurs are the parts of the shared suite that ask for what this driver does
// not do, each with the reason.
var notOurs = map[string]string{
	"TestListWeirdKeys": "keys are taken as they are",
	"TestKeys":          "keys are taken as they are",
	"TestMetadata":      "metadata is taken as it is",
	"TestCopy":          "nothing is copied",
	"TestAttributes":    "the store on loopback forgets two headers; TestAttributes here",
	"TestMD5":           "a listing's sums are not told: encrypted contents have others",
}

// harness runs the suite of gocloud.dev against a store on loopback.
type harness struct{ opts Options }

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) { return newBucket(h.opts) }

func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	opts := h.opts
	opts.Bucket = "there-is-none"
	return newBucket(opts)
}

func (*harness) HTTPClient() *http.Client         { return nil }
func (*harness) SupportsCopy() bool               { return false }
func (*harness) SupportsNonSlashDelimiters() bool { return false }
func (*harness) Close()                           {}

func TestConformance(t *testing.T) {
	t.Parallel()
	store := s3test.Start(t)
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		for part, why := range notOurs {
			if strings.HasPrefix(t.Name(), "TestConformance/"+part) {
				t.Skip(why)
			}
		}
		return &harness{Options{Bucket: s3test.Bucket, Endpoint: store.Endpoint}}, nil
	}, nil)
}

// The credentials come from the environment, which belongs to the process.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
