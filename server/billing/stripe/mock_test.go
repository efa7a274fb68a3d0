package stripe_test

import (
	"bufio"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/stripe"
)

// startMock runs Stripe's own mock, which checks each request against Stripe's
// description of its API, and returns its address.
func startMock(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=tools/go.mod", "-o", binary, "github.com/stripe/stripe-mock")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	mock := exec.CommandContext(t.Context(), binary, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	// A mock that never listens is ended, which ends its output.
	giveUp := time.AfterFunc(time.Minute, func() { _ = mock.Process.Kill() })
	defer giveUp.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, found := strings.CutPrefix(lines.Text(), "Listening for HTTP at address: "); found {
			return "http://" + address
		}
	}
	t.Fatal("stripe-mock does not listen")
	return ""
}

// What is asked of Stripe is what its API takes. The mock's answers are fixed: an
// intent that still needs a payment method counts as declined.
func TestStripeMock(t *testing.T) {
	t.Parallel()
	mock := startMock(t)
	payments := stripe.New(stripe.Options{Key: "sk_test_1", APIURL: mock})
	for _, customer := range []string{"", "cus_1"} {
		page, err := payments.Checkout(t.Context(), order(customer))
		if err != nil || !strings.HasPrefix(page.ID, "cs_") || !strings.HasPrefix(page.URL, "https://checkout.stripe.com/") {
			t.Errorf("%+v, %v", page, err)
		}
	}
	_, err := payments.Charge(t.Context(), order("cus_1"))
	if declined, ok := errors.AsType[*billing.DeclinedError](err); !ok || declined.Code != "requires_payment_method" {
		t.Error(err)
	}
	other := stripe.New(stripe.Options{Key: "nonsense", APIURL: mock})
	if _, err := other.Checkout(t.Context(), order("")); err == nil || errors.Is(err, billing.ErrPaymentsAway) {
		t.Errorf("a key that is none: %v", err)
	}
}
