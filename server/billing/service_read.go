package billing

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/fault"
)

// defaultPage is the size of a page whose request names none.
const defaultPage = 50

// ListTransactions implements the RPC.
func (s *Service) ListTransactions(
	ctx context.Context, req *billingv1.ListTransactionsRequest,
) (*billingv1.ListTransactionsResponse, error) {
	request, err := transactionsFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	request.Size = cmp.Or(req.GetPageSize(), defaultPage)
	kinds := texts(request.Kinds)
	slices.Sort(kinds)
	bound := []string{"transactions", request.AccountID.String(), request.BuildID.String(), strings.Join(kinds, ",")}
	last, err := s.tokens.OpenPage(req.GetPageToken(), bound...)
	if err != nil || last != nil && len(last) != seqLen {
		return nil, fault.PageTokenInvalid()
	}
	if last != nil {
		request.Before = int64(binary.BigEndian.Uint64(last)) //nolint:gosec // sealed by this function
	}
	page, err := s.ledger.Transactions(ctx, s.db, request)
	if err != nil {
		return nil, err
	}
	res := &billingv1.ListTransactionsResponse{}
	for i := range page.Entries {
		res.Transactions = append(res.Transactions, transactionToProto(&page.Entries[i]))
	}
	if page.Next != 0 {
		next := binary.BigEndian.AppendUint64(nil, uint64(page.Next)) //nolint:gosec // a seq is positive
		res.NextPageToken = s.tokens.SealPage(next, bound...)
	}
	return res, nil
}

// seqLen is the length of a seq in a page token, in bytes.
const seqLen = 8

// GetUsage implements the RPC.
func (s *Service) GetUsage(ctx context.Context, req *billingv1.GetUsageRequest) (*billingv1.GetUsageResponse, error) {
	request, err := usageFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	usage, err := s.ledger.Usage(ctx, s.db, request)
	if err != nil {
		return nil, err
	}
	return usageToProto(usage), nil
}

// VerifyLedger implements the RPC.
func (s *Service) VerifyLedger(
	ctx context.Context, req *billingv1.VerifyLedgerRequest,
) (*billingv1.VerifyLedgerResponse, error) {
	audited := uuid.Nil
	if req.GetOnlySubject() {
		audited = account(ctx)
	}
	violations, err := Audit(ctx, s.db, audited)
	if err != nil {
		return nil, err
	}
	res := &billingv1.VerifyLedgerResponse{Ok: len(violations) == 0}
	for _, violation := range violations {
		res.Violations = append(res.Violations, &billingv1.LedgerViolation{
			Rule: violation.Rule, AccountId: violation.AccountID.String(), Description: violation.Description,
		})
	}
	return res, nil
}
