package billing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sheenapps/sheen/client"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// Rows of the inventory about errors, A14 to A16, B20 and B21, over HTTP.

// callOver sends one reserve with the Go client.
func (s *served) callOver(transport http.RoundTripper, seconds int64, key string) error {
	caller := client.New(s.url, client.WithHTTPClient(&http.Client{Transport: transport}))
	_, err := caller.Billing.Reserve(s.t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: key, Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: seconds,
	})
	return err
}

// A refusal for want of AI time reaches the caller as what it is, with the
// numbers of the decision.
func TestInventory_A14_B20_InsufficientIsTyped(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.hold(3100, "")
	err := s.callOver(userTransport(s.account), 900, "k")
	typed, ok := errors.AsType[*client.InsufficientAITime](err)
	if !ok || !errors.Is(err, client.ErrFailedPrecondition) {
		t.Fatalf("%#v", err)
	}
	wantProto(t, typed.Detail, &billingv1.InsufficientAiTime{
		RequiredSeconds: 900, SpendableSeconds: 800, HeldSeconds: 3100,
		ByKind:             []*billingv1.KindSeconds{{Kind: billingv1.GrantKind_GRANT_KIND_DAILY, Seconds: 800}},
		DailyGiftResetTime: midnight, Estimate: typed.Detail.GetEstimate(), RecommendedPackage: typed.Detail.GetRecommendedPackage(),
	})
	if typed.Detail.GetEstimate().GetP95Seconds() == 0 || typed.Detail.GetRecommendedPackage().GetId() != "mini" {
		t.Errorf("detail %v", typed.Detail)
	}
}

// withoutDetails takes the details out of errors, as a proxy would.
type withoutDetails struct {
	http.RoundTripper

	taken *int
}

func (w withoutDetails) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.RoundTripper.RoundTrip(r)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return nil, err
	}
	if _, found := body["details"]; found {
		*w.taken++
	}
	delete(body, "details")
	text, err := json.Marshal(body)
	response.Body = io.NopCloser(bytes.NewReader(text))
	response.ContentLength = int64(len(text))
	response.Header.Del("Content-Length")
	return response, err
}

// Whoever loses the detail on the way has no balance, not one of nothing, and
// can ask for it.
func TestInventory_A15_NoDetailIsNoZero(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.hold(3100, "")
	taken := 0
	err := s.callOver(withoutDetails{userTransport(s.account), &taken}, 900, "k")
	if _, typed := errors.AsType[*client.InsufficientAITime](err); typed || !errors.Is(err, client.ErrFailedPrecondition) || taken != 1 {
		t.Errorf("%d details were taken: %#v", taken, err)
	}
	s.wantSpendable(800, 3100)
}

// What is too large is refused as that, with the limit and the size as numbers.
func TestInventory_A16_TooLargeIsTyped(t *testing.T) {
	t.Parallel()
	s := serve(t)
	err := s.callOver(userTransport(s.account), 10, strings.Repeat("k", 129))
	typed, ok := errors.AsType[*client.PayloadTooLarge](err)
	if !ok || !errors.Is(err, client.ErrInvalidArgument) {
		t.Fatalf("%#v", err)
	}
	wantProto(t, typed.Detail, &errorv1.PayloadLimit{LimitBytes: 128, ActualBytes: 129})
}

// Rows that contradict each other are an error of ours that does not tell what it
// is. Someone whom nobody has met is no error.
func TestInventory_B21_CausesHaveReasons(t *testing.T) {
	t.Parallel()
	s := serve(t)
	balance, err := s.GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, balance.GetBalance(), balanceOf(3000, 900, 0, 0))
	s.hold(100, "")
	for _, statement := range []string{
		"update account set free_seconds = free_seconds + 1, granted_seconds = granted_seconds + 1",
		"update account set free_seconds = free_seconds - 1, granted_seconds = granted_seconds - 1", // mended
	} {
		if _, err := s.db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(statement, "+") {
			_, err = s.GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
			wantFault(t, err, connect.CodeInternal, "INTERNAL")
			wantNeutral(t, err)
		}
	}
}

// A store that goes away has its reason too. What it did before is found by the
// same request again.
func TestInventory_B21_LostStoreHasAReason(t *testing.T) {
	t.Parallel()
	thief := &replyThief{}
	var unused *store.DB
	s := serve(t, func(b *testBundle) { unused, b.db = b.db, storetest.New(t, thief.option) })
	defer func() {
		audit(t, s.db)
		s.db = unused
	}()
	request := &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 100,
	}
	thief.every.Store(1)
	_, err := s.BillingServiceClient.Reserve(t.Context(), request)
	wantFault(t, err, connect.CodeUnavailable, "STORE_UNAVAILABLE")
	wantNeutral(t, err)
	if thief.stolen.Load() != 1 {
		t.Fatalf("%d replies were lost", thief.stolen.Load())
	}
	thief.every.Store(0)
	s.wantSpendable(3800, 100)
	again, err := s.BillingServiceClient.Reserve(t.Context(), request)
	if err != nil || again.GetHold().GetHeldSeconds() != 100 {
		t.Errorf("again %v: %v", again, err)
	}
	s.wantSpendable(3800, 100)
}

func wantNeutral(t *testing.T, err error) {
	t.Helper()
	for _, told := range []string{"grant", "free", "account", "SQL", "inconsistent", "pool"} {
		if strings.Contains(err.Error(), told) {
			t.Errorf("the error tells: %v", err)
		}
	}
	if info := detail[*errdetails.ErrorInfo](t, err); len(info.GetMetadata()) > 1 {
		t.Errorf("metadata %v", info.GetMetadata())
	}
}
