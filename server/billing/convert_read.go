package billing

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
)

func transactionsFromProto(accountID uuid.UUID, req *billingv1.ListTransactionsRequest) (TransactionsRequest, error) {
	request := TransactionsRequest{AccountID: accountID}
	for _, kind := range req.GetKinds() {
		request.Kinds = append(request.Kinds, entryKindsFromProto(kind)...)
	}
	if req.GetBuildId() != "" {
		buildID, err := uuid.Parse(req.GetBuildId())
		if err != nil {
			return TransactionsRequest{}, fault.InvalidField("The field build_id must be a UUID.")
		}
		request.BuildID = buildID
	}
	return request, nil
}

func transactionToProto(t *Transaction) *billingv1.Transaction {
	sum := t.Sum()
	return &billingv1.Transaction{
		Seq:                   t.Seq,
		Kind:                  entryKindToProto(t.Kind),
		SpendableDeltaSeconds: sum.Free,
		HeldDeltaSeconds:      sum.Held,
		SpendableAfterSeconds: t.Balance.Spendable,
		HoldId:                idToProto(t.HoldID),
		BuildId:               idToProto(t.BuildID),
		Operation:             operationToProto(t.Operation),
		ByKind:                amountsToProto(t.Moved()),
		Reason:                t.Why,
		CreateTime:            timestamppb.New(t.Time),
	}
}

func usageFromProto(accountID uuid.UUID, req *billingv1.GetUsageRequest) (UsageRequest, error) {
	request := UsageRequest{AccountID: accountID}
	for _, operation := range req.GetOperations() {
		request.Operations = append(request.Operations, operationFromProto(operation))
	}
	var err error
	if request.Start, err = timeFromProto("start_time", req.GetStartTime()); err != nil {
		return UsageRequest{}, err
	}
	request.End, err = timeFromProto("end_time", req.GetEndTime())
	return request, err
}

func usageToProto(usage *Usage) *billingv1.GetUsageResponse {
	res := &billingv1.GetUsageResponse{TimeZone: usage.Zone}
	for _, day := range usage.Days {
		res.ChargedSeconds += day.Charged
		res.Entries = append(res.Entries, &billingv1.UsageEntry{
			Date:               day.Day.Format(time.DateOnly),
			Operation:          operationToProto(day.Operation),
			ChargedSeconds:     day.Charged,
			Count:              day.Count,
			ProviderCostMicros: day.CostMicros,
		})
	}
	return res
}

func entryKindToProto(kind meter.EntryKind) billingv1.TransactionKind {
	switch kind {
	case meter.EntryGrant:
		return billingv1.TransactionKind_TRANSACTION_KIND_GRANT
	case meter.EntryHold:
		return billingv1.TransactionKind_TRANSACTION_KIND_RESERVE
	case meter.EntryExtend:
		return billingv1.TransactionKind_TRANSACTION_KIND_EXTEND
	case meter.EntryCommit, meter.EntryLateCommit:
		return billingv1.TransactionKind_TRANSACTION_KIND_COMMIT
	case meter.EntryRelease:
		return billingv1.TransactionKind_TRANSACTION_KIND_RELEASE
	case meter.EntryExpire, meter.EntryLapse:
		return billingv1.TransactionKind_TRANSACTION_KIND_EXPIRE
	case meter.EntryVoid:
		return billingv1.TransactionKind_TRANSACTION_KIND_VOID
	}
	return billingv1.TransactionKind_TRANSACTION_KIND_UNSPECIFIED
}

func entryKindsFromProto(kind billingv1.TransactionKind) []meter.EntryKind {
	switch kind {
	case billingv1.TransactionKind_TRANSACTION_KIND_GRANT:
		return []meter.EntryKind{meter.EntryGrant}
	case billingv1.TransactionKind_TRANSACTION_KIND_RESERVE:
		return []meter.EntryKind{meter.EntryHold}
	case billingv1.TransactionKind_TRANSACTION_KIND_EXTEND:
		return []meter.EntryKind{meter.EntryExtend}
	case billingv1.TransactionKind_TRANSACTION_KIND_COMMIT:
		return []meter.EntryKind{meter.EntryCommit, meter.EntryLateCommit}
	case billingv1.TransactionKind_TRANSACTION_KIND_RELEASE:
		return []meter.EntryKind{meter.EntryRelease}
	case billingv1.TransactionKind_TRANSACTION_KIND_EXPIRE:
		return []meter.EntryKind{meter.EntryExpire, meter.EntryLapse}
	case billingv1.TransactionKind_TRANSACTION_KIND_VOID:
		return []meter.EntryKind{meter.EntryVoid}
	case billingv1.TransactionKind_TRANSACTION_KIND_UNSPECIFIED:
	}
	return nil
}
