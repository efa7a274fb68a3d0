package billing_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/validate"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/token"
)

// served is a bundle behind a server, called for the bundle's account.
type served struct {
	*testBundle
	billingv1connect.BillingServiceClient

	url string
}

// userHeader names the user that a test calls for; the server believes it.
const userHeader = "X-Test-User"

func serve(t *testing.T, prepare ...func(*testBundle)) *served {
	t.Helper()
	b := setup(t)
	for _, f := range prepare {
		f(b)
	}
	return serveOn(t, b)
}

// serveOn serves a bundle.
func serveOn(t *testing.T, b *testBundle) *served {
	t.Helper()
	purchases := billing.NewPurchases(billing.PurchaseOptions{DB: b.db, Ledger: b.Ledger, Log: slog.New(slog.DiscardHandler)})
	_, handler := billingv1connect.NewBillingServiceHandler(
		billing.NewService(b.db, b.Ledger, purchases, pageTokens(t)),
		connect.WithInterceptors(fault.NewInterceptor(slog.New(slog.DiscardHandler)), validate.NewInterceptor()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := uuid.MustParse(r.Header.Get(userHeader))
		handler.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: user})))
	}))
	t.Cleanup(server.Close)
	s := &served{testBundle: b, url: server.URL}
	s.BillingServiceClient = s.as(b.account)
	return s
}

func pageTokens(t *testing.T) *token.Codec {
	t.Helper()
	codec, err := token.NewCodec([]token.Key{{ID: 1, Secret: make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// as returns a client that calls for a user.
func (s *served) as(user uuid.UUID) billingv1connect.BillingServiceClient {
	return billingv1connect.NewBillingServiceClient(&http.Client{Transport: userTransport(user)}, s.url, connect.WithHTTPGet())
}

type userTransport uuid.UUID

func (u userTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(userHeader, uuid.UUID(u).String())
	return http.DefaultTransport.RoundTrip(r)
}

func (s *served) hold(seconds int64, buildID string) *billingv1.Hold {
	s.t.Helper()
	response, err := s.BillingServiceClient.Reserve(s.t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: uuid.NewString(), Operation: billingv1.Operation_OPERATION_MAIN_BUILD,
		Seconds: seconds, BuildId: buildID,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return response.GetHold()
}

func (s *served) pay(hold *billingv1.Hold, outcome billingv1.Outcome, actual time.Duration) *billingv1.CommitResponse {
	s.t.Helper()
	response, err := s.BillingServiceClient.Commit(s.t.Context(), &billingv1.CommitRequest{
		HoldId: hold.GetId(), Outcome: outcome, Actual: durationpb.New(actual),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

// midnight is when noon's daily gift is followed by the next.
var midnight = timestamppb.New(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))

func balanceOf(welcome, daily, promo, held int64) *billingv1.Balance {
	return &billingv1.Balance{
		WelcomeSeconds: welcome, DailySeconds: daily, PromoSeconds: promo, HeldSeconds: held,
		SpendableSeconds: welcome + daily + promo, DailyGiftResetTime: midnight,
	}
}

func wantProto(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestServeBalance(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.hold(100, "")
	for user, want := range map[uuid.UUID]*billingv1.Balance{
		s.account:  balanceOf(2900, 900, 0, 100),
		uuid.New(): balanceOf(3000, 900, 0, 0),
	} {
		got, err := s.as(user).GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, got.GetBalance(), want)
	}
}

func TestServeEstimate(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.hold(3780, "") // 120 s are left
	for _, test := range []struct {
		operation  billingv1.Operation
		size       billingv1.ProjectSize
		update     bool
		seconds    int64
		sufficient bool
	}{
		{operation: billingv1.Operation_OPERATION_MAIN_BUILD, seconds: 180},
		{operation: billingv1.Operation_OPERATION_MAIN_BUILD, size: billingv1.ProjectSize_PROJECT_SIZE_LARGE, seconds: 240},
		{operation: billingv1.Operation_OPERATION_MAIN_BUILD, size: billingv1.ProjectSize_PROJECT_SIZE_SMALL, seconds: 150},
		{operation: billingv1.Operation_OPERATION_MAIN_BUILD, update: true, seconds: 130},
		{operation: billingv1.Operation_OPERATION_UPDATE, update: true, seconds: 120, sufficient: true},
		{operation: billingv1.Operation_OPERATION_UPDATE, size: billingv1.ProjectSize_PROJECT_SIZE_MEDIUM, seconds: 120, sufficient: true},
		{operation: billingv1.Operation_OPERATION_METADATA_GENERATION, seconds: 30, sufficient: true},
	} {
		got, err := s.EstimateUsage(t.Context(), &billingv1.EstimateUsageRequest{
			Operation: test.operation, ProjectSize: test.size, IsUpdate: test.update,
		})
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, got, &billingv1.EstimateUsageResponse{
			Estimate: &billingv1.Estimate{
				P50Seconds: test.seconds, P95Seconds: test.seconds, Confidence: billingv1.Confidence_CONFIDENCE_LOW,
			},
			Balance:    balanceOf(0, 120, 0, 3780),
			Sufficient: test.sufficient,
		})
	}
}

func TestServeReserveCommit(t *testing.T) {
	t.Parallel()
	s := serve(t)
	buildID := uuid.NewString()
	request := &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_UPDATE, BuildId: buildID, Seconds: 3100,
		Ttl: durationpb.New(time.Hour), NotAfter: timestamppb.New(noon),
	}
	var hold *billingv1.Hold
	for range 2 {
		reserved, err := s.BillingServiceClient.Reserve(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		hold = reserved.GetHold()
		wantProto(t, reserved, &billingv1.ReserveResponse{
			Hold: &billingv1.Hold{
				Id: hold.GetId(), Operation: billingv1.Operation_OPERATION_UPDATE, BuildId: buildID, HeldSeconds: 3100,
				State:      billingv1.HoldState_HOLD_STATE_OPEN,
				ExpireTime: timestamppb.New(noon.Add(time.Hour)), CreateTime: hold.GetCreateTime(),
			},
			Balance: balanceOf(0, 800, 0, 3100),
		})
		// The repeat comes later than not_after and has its answer all the same.
		s.setClock(noon.Add(time.Second))
	}
	for range 2 {
		paid := s.pay(hold, billingv1.Outcome_OUTCOME_SUCCEEDED, 3041*time.Second+time.Microsecond)
		receipt := &billingv1.Receipt{
			HoldId: hold.GetId(), BuildId: buildID, Operation: billingv1.Operation_OPERATION_UPDATE,
			Outcome: billingv1.Outcome_OUTCOME_SUCCEEDED, Active: durationpb.New(3041*time.Second + time.Millisecond),
			BillableSeconds: 3050, ChargedSeconds: 3050, BalanceBefore: 3900, BalanceAfter: 850,
			ByKind: []*billingv1.KindSeconds{
				{Kind: billingv1.GrantKind_GRANT_KIND_WELCOME, Seconds: 3000},
				{Kind: billingv1.GrantKind_GRANT_KIND_DAILY, Seconds: 50},
			},
			CreateTime: paid.GetReceipt().GetCreateTime(),
		}
		wantProto(t, paid, &billingv1.CommitResponse{Receipt: receipt, Balance: balanceOf(0, 850, 0, 0)})
		got, err := s.GetReceipt(t.Context(), &billingv1.GetReceiptRequest{BuildId: buildID})
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, got.GetReceipt(), receipt)
		s.setClock(noon.Add(2 * time.Second))
	}
	s.wantSpendable(850, 0)
}

// The outcome decides the charge. Of a violation of the content policy the
// actual time is the planning, all of which is charged.
func TestServeCommitOutcomes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for outcome, want := range map[billingv1.Outcome]int64{
		billingv1.Outcome_OUTCOME_SUCCEEDED:       30,
		billingv1.Outcome_OUTCOME_FAILED_USER:     30,
		billingv1.Outcome_OUTCOME_FAILED_PLATFORM: 0,
		billingv1.Outcome_OUTCOME_FAILED_PROVIDER: 0,
		billingv1.Outcome_OUTCOME_FAILED_POLICY:   30,
		billingv1.Outcome_OUTCOME_CANCELLED:       30,
	} {
		receipt := s.pay(s.hold(100, ""), outcome, 21*time.Second).GetReceipt()
		if receipt.GetChargedSeconds() != want || receipt.GetBillableSeconds() != 30 || receipt.GetOutcome() != outcome {
			t.Errorf("%s: %v", outcome, receipt)
		}
	}
	s.wantSpendable(3900-4*30, 0)
}

func TestServeRelease(t *testing.T) {
	t.Parallel()
	s := serve(t)
	hold := s.hold(100, "")
	hold.HeldSeconds, hold.State = 0, billingv1.HoldState_HOLD_STATE_RELEASED
	for range 2 {
		released, err := s.BillingServiceClient.Release(t.Context(), &billingv1.ReleaseRequest{HoldId: hold.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, released, &billingv1.ReleaseResponse{Hold: hold, Balance: balanceOf(3000, 900, 0, 0)})
	}
}

func TestServeGrant(t *testing.T) {
	t.Parallel()
	s := serve(t)
	request := &billingv1.GrantCreditsRequest{
		IdempotencyKey: "g", Kind: billingv1.GrantKind_GRANT_KIND_COMPENSATION, Seconds: 500,
		ExpireTime: timestamppb.New(noon.Add(time.Hour)), Reason: "sorry",
	}
	var first *billingv1.GrantCreditsResponse
	for range 2 {
		got, err := s.GrantCredits(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		wantProto(t, got, first)
		wantProto(t, got.GetBalance(), balanceOf(3000, 900, 500, 0))
	}
	for kind, want := range map[billingv1.GrantKind]func(*billingv1.Balance) int64{
		billingv1.GrantKind_GRANT_KIND_WELCOME:      (*billingv1.Balance).GetWelcomeSeconds,
		billingv1.GrantKind_GRANT_KIND_DAILY:        (*billingv1.Balance).GetDailySeconds,
		billingv1.GrantKind_GRANT_KIND_SUBSCRIPTION: (*billingv1.Balance).GetSubscriptionSeconds,
		billingv1.GrantKind_GRANT_KIND_PACKAGE:      (*billingv1.Balance).GetPackageSeconds,
		billingv1.GrantKind_GRANT_KIND_PROMO:        (*billingv1.Balance).GetPromoSeconds,
	} {
		before, err := s.GetBalance(t.Context(), &billingv1.GetBalanceRequest{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.GrantCredits(t.Context(), &billingv1.GrantCreditsRequest{
			IdempotencyKey: kind.String(), Kind: kind, Seconds: 7,
		})
		if err != nil || want(got.GetBalance())-want(before.GetBalance()) != 7 {
			t.Errorf("%s: %v: %v", kind, got, err)
		}
	}
}

// A build that services have reserved more for has one receipt with all of it.
func TestServeReceiptOfManyHolds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	buildID := uuid.NewString()
	s.pay(s.hold(3500, buildID), billingv1.Outcome_OUTCOME_SUCCEEDED, 3100*time.Second)
	s.setClock(noon.Add(time.Minute))
	last := s.pay(s.hold(100, buildID), billingv1.Outcome_OUTCOME_CANCELLED, 40*time.Second).GetReceipt()
	got, err := s.GetReceipt(t.Context(), &billingv1.GetReceiptRequest{BuildId: buildID})
	if err != nil {
		t.Fatal(err)
	}
	want, _ := proto.Clone(last).(*billingv1.Receipt)
	want.Active = durationpb.New(3140 * time.Second)
	want.BillableSeconds, want.ChargedSeconds = 3140, 3140
	want.BalanceBefore = 3900
	want.ByKind = []*billingv1.KindSeconds{
		{Kind: billingv1.GrantKind_GRANT_KIND_WELCOME, Seconds: 3000},
		{Kind: billingv1.GrantKind_GRANT_KIND_DAILY, Seconds: 140},
	}
	wantProto(t, got.GetReceipt(), want)
}

// Services have committed for a build more often than receipts are read at once,
// and one of its holds is still open: it is not finished.
func TestServeReceiptOfAFinishedBuild(t *testing.T) {
	t.Parallel()
	s := serve(t)
	buildID := uuid.NewString()
	own := s.hold(100, buildID)
	const others = 200
	for i := range others {
		s.pay(s.hold(10, buildID), billingv1.Outcome_OUTCOME_SUCCEEDED, 10*time.Second)
		if i%100 != 0 {
			continue
		}
		_, err := s.GetReceipt(t.Context(), &billingv1.GetReceiptRequest{BuildId: buildID})
		wantFault(t, err, connect.CodeNotFound, "NOT_FOUND")
	}
	s.pay(own, billingv1.Outcome_OUTCOME_SUCCEEDED, 20*time.Second)
	got, err := s.GetReceipt(t.Context(), &billingv1.GetReceiptRequest{BuildId: buildID})
	if err != nil {
		t.Fatal(err)
	}
	if r := got.GetReceipt(); r.GetHoldId() != own.GetId() || r.GetChargedSeconds() != 10*others+20 ||
		r.GetActive().AsDuration() != (10*others+20)*time.Second || r.GetBalanceBefore() != 3900 ||
		r.GetBalanceAfter() != 3900-10*others-20 {
		t.Errorf("receipt %v", r)
	}
}

func wantFault(t *testing.T, err error, code connect.Code, reason string) {
	t.Helper()
	if connect.CodeOf(err) != code {
		t.Fatalf("code %v, want %v: %v", connect.CodeOf(err), code, err)
	}
	info := detail[*errdetails.ErrorInfo](t, err)
	if info.GetDomain() != fault.Domain || info.GetReason() != reason {
		t.Errorf("%s of %s, want %s", info.GetReason(), info.GetDomain(), reason)
	}
}

// detail returns the one detail of a type.
func detail[T any](t *testing.T, err error) T {
	t.Helper()
	var found []T
	if wire, ok := errors.AsType[*connect.Error](err); ok {
		for _, d := range wire.Details() {
			value, err := d.Value()
			if err != nil {
				t.Fatal(err)
			}
			if match, ok := value.(T); ok {
				found = append(found, match)
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d details of type %T in %v", len(found), *new(T), err)
	}
	return found[0]
}
