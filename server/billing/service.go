package billing

import (
	"context"
	"errors"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
)

// Service implements BillingService for the account of the caller. Who may call
// which procedure is decided before it. It is safe for concurrent use.
type Service struct {
	db        *store.DB
	ledger    *Ledger
	purchases *Purchases
	tokens    *token.Codec
}

var _ billingv1connect.BillingServiceHandler = (*Service)(nil)

// NewService serves a ledger and what sells for it; tokens seals the places of its
// pages.
func NewService(db *store.DB, ledger *Ledger, purchases *Purchases, tokens *token.Codec) *Service {
	return &Service{db: db, ledger: ledger, purchases: purchases, tokens: tokens}
}

// GetBalance implements the RPC.
func (s *Service) GetBalance(
	ctx context.Context, _ *billingv1.GetBalanceRequest,
) (*billingv1.GetBalanceResponse, error) {
	balance, err := s.ledger.Balance(ctx, s.db, account(ctx))
	if err != nil {
		return nil, err
	}
	return &billingv1.GetBalanceResponse{Balance: BalanceToProto(balance)}, nil
}

// EstimateUsage implements the RPC.
func (s *Service) EstimateUsage(
	ctx context.Context, req *billingv1.EstimateUsageRequest,
) (*billingv1.EstimateUsageResponse, error) {
	balance, err := s.ledger.Balance(ctx, s.db, account(ctx))
	if err != nil {
		return nil, err
	}
	estimate := s.ledger.Estimate(
		operationFromProto(req.GetOperation()), sizeFromProto(req.GetProjectSize()), req.GetIsUpdate())
	return &billingv1.EstimateUsageResponse{
		Estimate:   EstimateToProto(estimate),
		Balance:    BalanceToProto(balance),
		Sufficient: balance.Spendable >= estimate.P95,
	}, nil
}

// GetReceipt implements the RPC.
func (s *Service) GetReceipt(
	ctx context.Context, req *billingv1.GetReceiptRequest,
) (*billingv1.GetReceiptResponse, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, fault.NotFound()
	}
	receipt, err := s.ledger.BuildReceipt(ctx, s.db, account(ctx), buildID)
	if err != nil {
		return nil, err
	}
	if receipt == nil {
		return nil, fault.NotFound()
	}
	return &billingv1.GetReceiptResponse{Receipt: ReceiptToProto(receipt)}, nil
}

// GrantCredits implements the RPC.
func (s *Service) GrantCredits(
	ctx context.Context, req *billingv1.GrantCreditsRequest,
) (*billingv1.GrantCreditsResponse, error) {
	request, err := grantFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var grant *Credit
	var balance *Balance
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		grant, balance, err = s.ledger.Grant(ctx, tx, request)
		return err
	})
	if errors.Is(err, ErrInvalid) {
		// All else that is invalid is refused by the schema, which has no clock.
		return nil, fault.InvalidField("The field expire_time must lie in the future.")
	}
	if err != nil {
		return nil, err
	}
	return &billingv1.GrantCreditsResponse{GrantId: grant.ID.String(), Balance: BalanceToProto(balance)}, nil
}

// Reserve implements the RPC.
func (s *Service) Reserve(ctx context.Context, req *billingv1.ReserveRequest) (*billingv1.ReserveResponse, error) {
	request, err := reserveFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var hold *Hold
	var balance *Balance
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		hold, balance, err = s.ledger.Reserve(ctx, tx, request)
		return err
	})
	if err != nil {
		return nil, Localize(err, locale.Negotiate(ctx, "").Tag)
	}
	return &billingv1.ReserveResponse{Hold: holdToProto(hold), Balance: BalanceToProto(balance)}, nil
}

// Commit implements the RPC.
func (s *Service) Commit(ctx context.Context, req *billingv1.CommitRequest) (*billingv1.CommitResponse, error) {
	request, err := commitFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var receipt *Receipt
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		receipt, err = s.ledger.Commit(ctx, tx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &billingv1.CommitResponse{Receipt: ReceiptToProto(receipt), Balance: BalanceToProto(&receipt.After)}, nil
}

// Release implements the RPC.
func (s *Service) Release(ctx context.Context, req *billingv1.ReleaseRequest) (*billingv1.ReleaseResponse, error) {
	holdID, err := holdIDFromProto(req.GetHoldId())
	if err != nil {
		return nil, err
	}
	var hold *Hold
	var balance *Balance
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		hold, balance, err = s.ledger.Release(ctx, tx, ReleaseRequest{AccountID: account(ctx), HoldID: holdID})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &billingv1.ReleaseResponse{Hold: holdToProto(hold), Balance: BalanceToProto(balance)}, nil
}

// ExtendHold implements the RPC.
func (s *Service) ExtendHold(
	ctx context.Context, req *billingv1.ExtendHoldRequest,
) (*billingv1.ExtendHoldResponse, error) {
	request, err := extendFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var hold *Hold
	var balance *Balance
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		hold, balance, err = s.ledger.Extend(ctx, tx, request)
		return err
	})
	if errors.Is(err, ErrInvalid) {
		return nil, fault.InvalidField("The field seconds asks for more than was approved for the hold.")
	}
	if err != nil {
		return nil, Localize(err, locale.Negotiate(ctx, "").Tag)
	}
	return &billingv1.ExtendHoldResponse{Hold: holdToProto(hold), Balance: BalanceToProto(balance)}, nil
}

// GetHold implements the RPC.
func (s *Service) GetHold(ctx context.Context, req *billingv1.GetHoldRequest) (*billingv1.GetHoldResponse, error) {
	holdID, err := holdIDFromProto(req.GetHoldId())
	if err != nil {
		return nil, err
	}
	hold, err := s.ledger.Hold(ctx, s.db, account(ctx), holdID)
	if err != nil {
		return nil, err
	}
	return &billingv1.GetHoldResponse{Hold: holdToProto(hold)}, nil
}

// VoidGrant implements the RPC.
func (s *Service) VoidGrant(
	ctx context.Context, req *billingv1.VoidGrantRequest,
) (*billingv1.VoidGrantResponse, error) {
	request, err := voidFromProto(account(ctx), req)
	if err != nil {
		return nil, err
	}
	var voided *Voided
	var balance *Balance
	err = store.InShortTx(ctx, s.db, func(tx store.Tx) (err error) {
		voided, balance, err = s.ledger.Void(ctx, tx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &billingv1.VoidGrantResponse{
		VoidedSeconds: voided.Seconds, UsedSeconds: voided.Used, Balance: BalanceToProto(balance),
	}, nil
}

// account is the account of the caller: its user's.
func account(ctx context.Context) uuid.UUID { return auth.Caller(ctx).UserID }
