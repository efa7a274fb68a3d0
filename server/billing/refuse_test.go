package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/fault"
)

func TestServeInsufficient(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.hold(3100, "")
	_, err := s.BillingServiceClient.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 801,
	})
	wantFault(t, err, connect.CodeFailedPrecondition, "INSUFFICIENT_AI_TIME")
	wantProto(t, detail[*billingv1.InsufficientAiTime](t, err), &billingv1.InsufficientAiTime{
		RequiredSeconds: 801, SpendableSeconds: 800, HeldSeconds: 3100,
		ByKind:             []*billingv1.KindSeconds{{Kind: billingv1.GrantKind_GRANT_KIND_DAILY, Seconds: 800}},
		DailyGiftResetTime: midnight,
		Estimate:           &billingv1.Estimate{P50Seconds: 180, P95Seconds: 180, Confidence: billingv1.Confidence_CONFIDENCE_LOW},
		RecommendedPackage: &billingv1.Package{Id: "mini", Title: "Mini package", Seconds: 3600},
	})
	if info := detail[*errdetails.ErrorInfo](t, err); info.GetMetadata()["required_seconds"] != "801" ||
		info.GetMetadata()["spendable_seconds"] != "800" {
		t.Errorf("metadata %v", info.GetMetadata())
	}
	s.wantSpendable(800, 3100)
}

func TestServeRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := t.Context()
	reserve := func(change func(*billingv1.ReserveRequest)) error {
		request := &billingv1.ReserveRequest{
			IdempotencyKey: "reserve", Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 10,
		}
		change(request)
		_, err := s.BillingServiceClient.Reserve(ctx, request)
		return err
	}
	grant := func(change func(*billingv1.GrantCreditsRequest)) error {
		request := &billingv1.GrantCreditsRequest{
			IdempotencyKey: "grant", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 10,
		}
		change(request)
		_, err := s.GrantCredits(ctx, request)
		return err
	}
	commit := func(client billingv1connect.BillingServiceClient, holdID string) error {
		_, err := client.Commit(ctx, &billingv1.CommitRequest{
			HoldId: holdID, Outcome: billingv1.Outcome_OUTCOME_SUCCEEDED, Actual: durationpb.New(time.Second),
		})
		return err
	}
	release := func(client billingv1connect.BillingServiceClient, holdID string) error {
		_, err := client.Release(ctx, &billingv1.ReleaseRequest{HoldId: holdID})
		return err
	}
	receipt := func(client billingv1connect.BillingServiceClient, buildID string) error {
		_, err := client.GetReceipt(ctx, &billingv1.GetReceiptRequest{BuildId: buildID})
		return err
	}
	if err := errors.Join(
		reserve(func(*billingv1.ReserveRequest) {}), grant(func(*billingv1.GrantCreditsRequest) {})); err != nil {
		t.Fatal(err)
	}
	buildID, openBuildID := uuid.NewString(), uuid.NewString()
	open, paid, released := s.hold(10, openBuildID), s.hold(10, buildID), s.hold(10, "")
	s.pay(paid, billingv1.Outcome_OUTCOME_SUCCEEDED, 10*time.Second)
	if err := release(s, released.GetId()); err != nil {
		t.Fatal(err)
	}
	stranger := s.as(uuid.New())
	for name, test := range map[string]struct {
		err    error
		code   connect.Code
		reason string
	}{
		"key of another reserve": {
			reserve(func(r *billingv1.ReserveRequest) { r.Seconds = 20 }),
			connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED",
		},
		"key with another not_after": {
			reserve(func(r *billingv1.ReserveRequest) { r.NotAfter = timestamppb.New(noon.Add(time.Hour)) }),
			connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED",
		},
		"key of another grant": {
			grant(func(r *billingv1.GrantCreditsRequest) { r.Reason = "other" }),
			connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED",
		},
		"too late": {
			reserve(func(r *billingv1.ReserveRequest) {
				r.IdempotencyKey = "late"
				r.NotAfter = timestamppb.New(noon.Add(-time.Second))
			}),
			connect.CodeDeadlineExceeded, "CALL_ENDED",
		},
		"another commit":               {commit(s, paid.GetId()), connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED"},
		"commit after release":         {commit(s, released.GetId()), connect.CodeFailedPrecondition, "HOLD_CLOSED"},
		"release after commit":         {release(s, paid.GetId()), connect.CodeFailedPrecondition, "HOLD_CLOSED"},
		"commit of no hold":            {commit(s, uuid.NewString()), connect.CodeNotFound, "NOT_FOUND"},
		"commit of another's hold":     {commit(stranger, open.GetId()), connect.CodeNotFound, "NOT_FOUND"},
		"release of no hold":           {release(s, uuid.NewString()), connect.CodeNotFound, "NOT_FOUND"},
		"release of another's hold":    {release(stranger, open.GetId()), connect.CodeNotFound, "NOT_FOUND"},
		"receipt of no build":          {receipt(s, uuid.NewString()), connect.CodeNotFound, "NOT_FOUND"},
		"receipt of another's build":   {receipt(stranger, buildID), connect.CodeNotFound, "NOT_FOUND"},
		"receipt of a build under way": {receipt(s, openBuildID), connect.CodeNotFound, "NOT_FOUND"},
		"grant that has ended": {
			grant(func(r *billingv1.GrantCreditsRequest) {
				r.IdempotencyKey = "ended"
				r.ExpireTime = timestamppb.New(noon)
			}),
			connect.CodeInvalidArgument, "INVALID_FIELD",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, test.err, test.code, test.reason)
			if test.code == connect.CodeNotFound && test.err.Error() != fault.Wire(fault.NotFound()).Error() {
				t.Errorf("not the common answer: %v", test.err)
			}
		})
	}
	// What was granted, less one commit, an open hold and the reserve.
	s.wantSpendable(3900+10-10-20, 20)
}

// The schema and the conversion refuse what the ledger must not see, and nothing
// of it reaches the account.
func TestServeBounds(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := t.Context()
	reserve := func(change func(*billingv1.ReserveRequest)) error {
		request := &billingv1.ReserveRequest{
			IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 10,
		}
		change(request)
		_, err := s.BillingServiceClient.Reserve(ctx, request)
		return err
	}
	grant := func(change func(*billingv1.GrantCreditsRequest)) error {
		request := &billingv1.GrantCreditsRequest{
			IdempotencyKey: "k", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 10,
		}
		change(request)
		_, err := s.GrantCredits(ctx, request)
		return err
	}
	commit := func(change func(*billingv1.CommitRequest)) error {
		request := &billingv1.CommitRequest{
			HoldId: uuid.NewString(), Outcome: billingv1.Outcome_OUTCOME_SUCCEEDED, Actual: durationpb.New(0),
		}
		change(request)
		_, err := s.BillingServiceClient.Commit(ctx, request)
		return err
	}
	_, release := s.BillingServiceClient.Release(ctx, &billingv1.ReleaseRequest{HoldId: "h"})
	_, receipt := s.GetReceipt(ctx, &billingv1.GetReceiptRequest{BuildId: "b"})
	_, estimate := s.EstimateUsage(ctx, &billingv1.EstimateUsageRequest{})
	_, size := s.EstimateUsage(ctx, &billingv1.EstimateUsageRequest{Operation: 1, ProjectSize: 4})
	for name, err := range map[string]error{
		"reserve no key":       reserve(func(r *billingv1.ReserveRequest) { r.IdempotencyKey = "" }),
		"reserve NUL in key":   reserve(func(r *billingv1.ReserveRequest) { r.IdempotencyKey = "a\x00" }),
		"reserve no operation": reserve(func(r *billingv1.ReserveRequest) { r.Operation = 0 }),
		"reserve operation":    reserve(func(r *billingv1.ReserveRequest) { r.Operation = 9 }),
		"reserve build":        reserve(func(r *billingv1.ReserveRequest) { r.BuildId = "b" }),
		"reserve nothing":      reserve(func(r *billingv1.ReserveRequest) { r.Seconds = 0 }),
		"reserve less":         reserve(func(r *billingv1.ReserveRequest) { r.Seconds = -1 }),
		"reserve more":         reserve(func(r *billingv1.ReserveRequest) { r.Seconds = 86401 }),
		"reserve no ttl":       reserve(func(r *billingv1.ReserveRequest) { r.Ttl = durationpb.New(0) }),
		"reserve long ttl":     reserve(func(r *billingv1.ReserveRequest) { r.Ttl = durationpb.New(24*time.Hour + 1) }),
		"reserve year 1": reserve(func(r *billingv1.ReserveRequest) {
			r.NotAfter = timestamppb.New(time.Time{})
		}),
		"grant no key":     grant(func(r *billingv1.GrantCreditsRequest) { r.IdempotencyKey = "" }),
		"grant NUL in key": grant(func(r *billingv1.GrantCreditsRequest) { r.IdempotencyKey = "\x00" }),
		"grant NUL":        grant(func(r *billingv1.GrantCreditsRequest) { r.Reason = "a\x00b" }),
		"grant no kind":    grant(func(r *billingv1.GrantCreditsRequest) { r.Kind = 0 }),
		"grant kind":       grant(func(r *billingv1.GrantCreditsRequest) { r.Kind = 7 }),
		"grant nothing":    grant(func(r *billingv1.GrantCreditsRequest) { r.Seconds = 0 }),
		"grant more":       grant(func(r *billingv1.GrantCreditsRequest) { r.Seconds = 100_000_001 }),
		"grant year 1":     grant(func(r *billingv1.GrantCreditsRequest) { r.ExpireTime = timestamppb.New(time.Time{}) }),
		"grant year 300000": grant(func(r *billingv1.GrantCreditsRequest) {
			r.ExpireTime = &timestamppb.Timestamp{Seconds: 9_400_000_000_000}
		}),
		"commit hold":           commit(func(r *billingv1.CommitRequest) { r.HoldId = "h" }),
		"commit no actual":      commit(func(r *billingv1.CommitRequest) { r.Actual = nil }),
		"commit less":           commit(func(r *billingv1.CommitRequest) { r.Actual = durationpb.New(-1) }),
		"commit more":           commit(func(r *billingv1.CommitRequest) { r.Actual = durationpb.New(24*time.Hour + 1) }),
		"commit no outcome":     commit(func(r *billingv1.CommitRequest) { r.Outcome = 0 }),
		"commit outcome":        commit(func(r *billingv1.CommitRequest) { r.Outcome = 7 }),
		"release hold":          release,
		"receipt build":         receipt,
		"estimate no operation": estimate,
		"estimate size":         size,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, err, connect.CodeInvalidArgument, "INVALID_FIELD")
		})
	}
	for name, err := range map[string]error{
		"reserve long key":  reserve(func(r *billingv1.ReserveRequest) { r.IdempotencyKey = strings.Repeat("k", 129) }),
		"grant long reason": grant(func(r *billingv1.GrantCreditsRequest) { r.Reason = strings.Repeat("é", 251) }),
	} {
		wantFault(t, err, connect.CodeInvalidArgument, "PAYLOAD_TOO_LARGE")
		if limit := detail[*errorv1.PayloadLimit](t, err); limit.GetActualBytes() <= limit.GetLimitBytes() {
			t.Errorf("%s: %v", name, limit)
		}
	}
	if n := s.count("select count(*) from account"); n != 0 {
		t.Errorf("%d accounts were met", n)
	}
	if err := reserve(func(r *billingv1.ReserveRequest) { r.IdempotencyKey = strings.Repeat("é", 64) }); err != nil {
		t.Errorf("the longest key: %v", err)
	}
}

func TestServeNothingSold(t *testing.T) {
	t.Parallel()
	s := serve(t)
	packages, err := s.ListPackages(t.Context(), &billingv1.ListPackagesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, packages, &billingv1.ListPackagesResponse{})
	_, err = s.CreateCheckout(t.Context(), &billingv1.CreateCheckoutRequest{
		PackageId: "mini", IdempotencyKey: "k", SuccessUrl: "https://a.example/", CancelUrl: "https://a.example/",
	})
	wantFault(t, err, connect.CodeFailedPrecondition, "PAYMENTS_OFF")
}
