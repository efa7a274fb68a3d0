package billing

import (
	"context"

	"github.com/jackc/pgx/v5"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/store"
)

// GetAutoTopUp implements the RPC.
func (s *Service) GetAutoTopUp(
	ctx context.Context, _ *billingv1.GetAutoTopUpRequest,
) (*billingv1.GetAutoTopUpResponse, error) {
	rule, err := s.ledger.AutoTopUp(ctx, s.db, account(ctx))
	if err != nil {
		return nil, err
	}
	return &billingv1.GetAutoTopUpResponse{AutoTopUp: autoTopUpToProto(rule)}, nil
}

// SetAutoTopUp implements the RPC.
func (s *Service) SetAutoTopUp(
	ctx context.Context, req *billingv1.SetAutoTopUpRequest,
) (*billingv1.SetAutoTopUpResponse, error) {
	request, err := autoTopUpFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var rule *AutoTopUp
	err = store.InTx(ctx, s.db, func(tx pgx.Tx) (err error) {
		rule, err = s.ledger.SetAutoTopUp(ctx, tx, request)
		return err
	})
	if err != nil {
		return nil, paymentFault(err)
	}
	return &billingv1.SetAutoTopUpResponse{AutoTopUp: autoTopUpToProto(rule)}, nil
}
