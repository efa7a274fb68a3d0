package billing

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
)

// BalanceToProto converts a balance. Compensations count as promotions there,
// so the fields by kind sum up to what is spendable.
func BalanceToProto(b *Balance) *billingv1.Balance {
	return &billingv1.Balance{
		WelcomeSeconds:      b.ByKind[meter.Welcome],
		DailySeconds:        b.ByKind[meter.Daily],
		SubscriptionSeconds: b.ByKind[meter.Subscription],
		PackageSeconds:      b.ByKind[meter.Package],
		PromoSeconds:        b.ByKind[meter.Promo] + b.ByKind[meter.Compensation],
		HeldSeconds:         b.Held,
		SpendableSeconds:    b.Spendable,
		DailyGiftResetTime:  timestamppb.New(b.GiftReset),
	}
}

// ReceiptToProto converts a receipt. Its kinds stand in the default burn order.
func ReceiptToProto(r *Receipt) *billingv1.Receipt {
	return &billingv1.Receipt{
		HoldId:             r.HoldID.String(),
		BuildId:            idToProto(r.BuildID),
		Operation:          operationToProto(r.Operation),
		Outcome:            outcomeToProto(r.Outcome),
		Active:             durationpb.New(r.Active),
		BillableSeconds:    r.Billable,
		ChargedSeconds:     r.Charged,
		ShortfallSeconds:   r.Shortfall,
		ByKind:             amountsToProto(r.ByKind),
		BalanceBefore:      r.Before.Spendable + r.Before.Held,
		BalanceAfter:       r.After.Spendable + r.After.Held,
		ProviderCostMicros: r.CostMicros,
		Late:               r.Late,
		CreateTime:         timestamppb.New(r.Time),
	}
}

// EstimateToProto converts an estimate.
func EstimateToProto(e Estimate) *billingv1.Estimate {
	return &billingv1.Estimate{
		P50Seconds:  e.P50,
		P95Seconds:  e.P95,
		Confidence:  confidenceToProto(e.Confidence()),
		SampleCount: e.Samples,
	}
}

func holdToProto(h *Hold) *billingv1.Hold {
	hold := &billingv1.Hold{
		Id:         h.ID.String(),
		Operation:  operationToProto(h.Operation),
		BuildId:    idToProto(h.BuildID),
		State:      holdStateToProto(h.State),
		ExpireTime: timestamppb.New(h.ExpireTime),
		CreateTime: timestamppb.New(h.CreateTime),
	}
	if h.State == meter.HoldOpen {
		hold.HeldSeconds = h.Seconds
	}
	return hold
}

func insufficientToProto(e *InsufficientError) *billingv1.InsufficientAiTime {
	detail := &billingv1.InsufficientAiTime{
		RequiredSeconds:    e.RequiredSeconds,
		SpendableSeconds:   e.SpendableSeconds,
		HeldSeconds:        e.HeldSeconds,
		ByKind:             amountsToProto(e.ByKind),
		DailyGiftResetTime: timestamppb.New(e.DailyGiftReset),
		Estimate:           EstimateToProto(e.Estimate),
	}
	if e.RecommendedPackage != nil {
		detail.RecommendedPackage = packageToProto(e.RecommendedPackage, e.Locale)
		detail.PurchaseUrl = e.PurchaseURL
	}
	return detail
}

func packageToProto(p *Package, tag string) *billingv1.Package {
	converted := &billingv1.Package{
		Id: p.ID, Title: p.Title(tag), Seconds: p.Seconds, PriceMicros: p.PriceMicros, CurrencyCode: p.CurrencyCode,
	}
	if p.Life > 0 {
		converted.Lifetime = durationpb.New(p.Life)
	}
	return converted
}

func amountsToProto(amounts meter.Amounts) []*billingv1.KindSeconds {
	var converted []*billingv1.KindSeconds
	for _, kind := range meter.Kinds() {
		if seconds := amounts[kind]; seconds != 0 {
			converted = append(converted, &billingv1.KindSeconds{Kind: kindToProto(kind), Seconds: seconds})
		}
	}
	return converted
}

func idToProto(id meter.ID) string {
	if id == (meter.ID{}) {
		return ""
	}
	return id.String()
}

func reserveFromProto(accountID uuid.UUID, req *billingv1.ReserveRequest) (ReserveRequest, error) {
	request := ReserveRequest{
		AccountID: accountID,
		Key:       req.GetIdempotencyKey(),
		Operation: operationFromProto(req.GetOperation()),
		Seconds:   req.GetSeconds(),
		TTL:       req.GetTtl().AsDuration(),
	}
	if err := storable("idempotency_key", request.Key); err != nil {
		return ReserveRequest{}, err
	}
	if req.GetBuildId() != "" {
		buildID, err := uuid.Parse(req.GetBuildId())
		if err != nil {
			return ReserveRequest{}, fault.InvalidField("The field build_id must be a UUID.")
		}
		request.BuildID = buildID
	}
	var err error
	request.NotAfter, err = timeFromProto("not_after", req.GetNotAfter())
	return request, err
}

// commitFromProto counts all of the actual time as planning, since the request
// does not split it: for a violation of the content policy the caller passes the
// planning time as the actual one.
func commitFromProto(accountID uuid.UUID, req *billingv1.CommitRequest) (CommitRequest, error) {
	holdID, err := holdIDFromProto(req.GetHoldId())
	if err != nil {
		return CommitRequest{}, err
	}
	actual := req.GetActual().AsDuration()
	return CommitRequest{
		AccountID: accountID,
		HoldID:    holdID,
		Outcome:   outcomeFromProto(req.GetOutcome()),
		Active:    actual,
		Planning:  actual,
	}, nil
}

func grantFromProto(accountID uuid.UUID, req *billingv1.GrantCreditsRequest) (GrantRequest, error) {
	request := GrantRequest{
		AccountID: accountID,
		Key:       req.GetIdempotencyKey(),
		Kind:      kindFromProto(req.GetKind()),
		Seconds:   req.GetSeconds(),
		Reason:    req.GetReason(),
	}
	if err := storable("idempotency_key", request.Key); err != nil {
		return GrantRequest{}, err
	}
	if err := storable("reason", request.Reason); err != nil {
		return GrantRequest{}, err
	}
	var err error
	request.ExpireTime, err = timeFromProto("expire_time", req.GetExpireTime())
	return request, err
}

func extendFromProto(accountID uuid.UUID, req *billingv1.ExtendHoldRequest) (ExtendRequest, error) {
	holdID, err := holdIDFromProto(req.GetHoldId())
	if err != nil {
		return ExtendRequest{}, err
	}
	return ExtendRequest{
		AccountID: accountID,
		HoldID:    holdID,
		Key:       req.GetIdempotencyKey(),
		Seconds:   req.GetSeconds(),
		TTL:       req.GetTtl().AsDuration(),
	}, storable("idempotency_key", req.GetIdempotencyKey())
}

func voidFromProto(accountID uuid.UUID, req *billingv1.VoidGrantRequest) (VoidRequest, error) {
	grantID, err := uuid.Parse(req.GetGrantId())
	if err != nil {
		return VoidRequest{}, ErrGrantNotFound
	}
	if err := storable("idempotency_key", req.GetIdempotencyKey()); err != nil {
		return VoidRequest{}, err
	}
	return VoidRequest{
		AccountID: accountID,
		GrantID:   grantID,
		Key:       req.GetIdempotencyKey(),
		Reason:    req.GetReason(),
	}, storable("reason", req.GetReason())
}

// holdIDFromProto takes what is no id for one that nobody has.
func holdIDFromProto(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, ErrHoldNotFound
	}
	return id, nil
}

// timeFromProto returns zero for an absent time. The first instant of the year 1
// is Go's zero time and would mean never, and Postgres ends before protobuf's
// binary form does, so what is outside of 1970 to 9999 is refused.
func timeFromProto(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if !t.IsValid() || t.GetSeconds() < 0 {
		return time.Time{}, fault.InvalidField("The field " + field + " must be an instant of the years 1970 to 9999.")
	}
	return t.AsTime(), nil
}

// storable refuses the one character of UTF-8 that Postgres has no place for.
func storable(field, text string) error {
	if strings.ContainsRune(text, 0) {
		return fault.InvalidField("The field " + field + " must not contain the character U+0000.")
	}
	return nil
}
