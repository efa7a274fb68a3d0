package billing_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
)

func TestReceiptToProto(t *testing.T) {
	t.Parallel()
	holdID := uuid.New()
	receipt := &billing.Receipt{
		HoldID: meter.ID(holdID), Operation: meter.MetadataGeneration, Outcome: meter.Cancelled, Time: noon,
		Active: time.Second, Billable: 10, Charged: 21, Shortfall: 3, CostMicros: 4, Late: true,
		ByKind: meter.Amounts{
			meter.Package: 6, meter.Promo: 5, meter.Compensation: 4,
			meter.Subscription: 3, meter.Daily: 2, meter.Welcome: 1,
		},
		Before: billing.Balance{Spendable: 100, Held: 50}, After: billing.Balance{Spendable: 120, Held: 9},
	}
	want := &billingv1.Receipt{
		HoldId: holdID.String(), Operation: billingv1.Operation_OPERATION_METADATA_GENERATION,
		Outcome: billingv1.Outcome_OUTCOME_CANCELLED, Active: durationpb.New(time.Second),
		BillableSeconds: 10, ChargedSeconds: 21, ShortfallSeconds: 3, ProviderCostMicros: 4, Late: true,
		BalanceBefore: 150, BalanceAfter: 129, CreateTime: timestamppb.New(noon),
	}
	for i, kind := range []billingv1.GrantKind{
		billingv1.GrantKind_GRANT_KIND_WELCOME, billingv1.GrantKind_GRANT_KIND_DAILY,
		billingv1.GrantKind_GRANT_KIND_SUBSCRIPTION, billingv1.GrantKind_GRANT_KIND_COMPENSATION,
		billingv1.GrantKind_GRANT_KIND_PROMO, billingv1.GrantKind_GRANT_KIND_PACKAGE,
	} {
		want.ByKind = append(want.ByKind, &billingv1.KindSeconds{Kind: kind, Seconds: int64(i + 1)})
	}
	wantProto(t, billing.ReceiptToProto(receipt), want)
}

func TestEstimateToProto(t *testing.T) {
	t.Parallel()
	for samples, want := range map[int64]billingv1.Confidence{
		0: billingv1.Confidence_CONFIDENCE_LOW, 4: billingv1.Confidence_CONFIDENCE_MEDIUM,
		11: billingv1.Confidence_CONFIDENCE_HIGH,
	} {
		wantProto(t, billing.EstimateToProto(billing.Estimate{Operation: meter.Update, P50: 100, P95: 120, Samples: samples}),
			&billingv1.Estimate{P50Seconds: 100, P95Seconds: 120, Confidence: want, SampleCount: samples})
	}
}

// Whoever uses the ledger may wrap its errors: what a caller may see of them
// stays.
func TestFaultsThroughWraps(t *testing.T) {
	t.Parallel()
	notFound := fault.NotFound()
	for name, test := range map[string]struct {
		err      error
		code     connect.Code
		reason   errorv1.ErrorReason
		metadata map[string]string
		detail   proto.Message
	}{
		"key reused": {
			err: billing.ErrKeyReused, code: connect.CodeAlreadyExists,
			reason: errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		},
		"no hold": {err: billing.ErrHoldNotFound, code: notFound.Code, reason: notFound.Reason},
		"too late": {
			err: billing.ErrTooLate, code: connect.CodeDeadlineExceeded,
			reason: errorv1.ErrorReason_ERROR_REASON_CALL_ENDED,
		},
		"closed": {
			err:  &billing.HoldStateError{From: meter.HoldExpired, To: meter.HoldReleased},
			code: connect.CodeFailedPrecondition, reason: errorv1.ErrorReason_ERROR_REASON_HOLD_CLOSED,
			metadata: map[string]string{"from": "HOLD_STATE_EXPIRED", "to": "HOLD_STATE_RELEASED"},
		},
		"insufficient": {
			err:  &billing.InsufficientError{RequiredSeconds: 2, SpendableSeconds: 1, DailyGiftReset: noon},
			code: connect.CodeFailedPrecondition, reason: errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME,
			metadata: map[string]string{"required_seconds": "2", "spendable_seconds": "1"},
			detail: &billingv1.InsufficientAiTime{
				RequiredSeconds: 2, SpendableSeconds: 1, DailyGiftResetTime: timestamppb.New(noon),
				Estimate: &billingv1.Estimate{Confidence: billingv1.Confidence_CONFIDENCE_LOW},
			},
		},
	} {
		got := fault.Of(errors.Join(fmt.Errorf("start the build: %w", fmt.Errorf("reserve: %w", test.err))))
		if got.Code != test.code || got.Reason != test.reason || !reflect.DeepEqual(got.Metadata, test.metadata) {
			t.Errorf("%s: %+v", name, got)
		}
		if test.detail == nil && len(got.Details) == 0 {
			continue
		}
		if len(got.Details) != 1 || !proto.Equal(got.Details[0], test.detail) {
			t.Errorf("%s: details %v", name, got.Details)
		}
	}
	if got := fault.Of(billing.ErrHoldNotFound); !reflect.DeepEqual(got, notFound) { //nolint:govet // the whole of it, so that nothing tells them apart
		t.Errorf("a hold that is not there gives %+v", got)
	}
}
