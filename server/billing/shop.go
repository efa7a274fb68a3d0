package billing

import (
	"context"
	"encoding/binary"
	"errors"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
)

// defaultPackages is the page size that 0 stands for.
const defaultPackages = 50

// packagePages is what the page tokens of packages are bound to.
const packagePages = "packages"

// ListPackages implements the RPC.
func (s *Service) ListPackages(
	ctx context.Context, req *billingv1.ListPackagesRequest,
) (*billingv1.ListPackagesResponse, error) {
	last, err := s.tokens.OpenPage(req.GetPageToken(), packagePages, req.GetLocale())
	if err != nil || (last != nil && len(last) < 8) {
		return nil, fault.PageTokenInvalid()
	}
	var afterSeconds int64
	var afterID string
	if last != nil {
		afterSeconds, afterID = int64(binary.BigEndian.Uint64(last)), string(last[8:]) //nolint:gosec // sealed by us, from an int64
	}
	size := req.GetPageSize()
	if size == 0 {
		size = defaultPackages
	}
	packages, err := s.purchases.Packages(ctx, afterSeconds, afterID, size+1)
	if err != nil {
		return nil, err
	}
	res := &billingv1.ListPackagesResponse{}
	if len(packages) > int(size) {
		packages = packages[:size]
		end := &packages[size-1]
		key := binary.BigEndian.AppendUint64(nil, uint64(end.Seconds)) //nolint:gosec // above 0
		res.NextPageToken = s.tokens.SealPage(append(key, end.ID...), packagePages, req.GetLocale())
	}
	reading := locale.Negotiate(ctx, req.GetLocale())
	for i := range packages {
		res.Packages = append(res.Packages, packageToProto(&packages[i], reading.Tag))
	}
	reading.Tell(ctx)
	return res, nil
}

// CreateCheckout implements the RPC.
func (s *Service) CreateCheckout(
	ctx context.Context, req *billingv1.CreateCheckoutRequest,
) (*billingv1.CreateCheckoutResponse, error) {
	if err := storable("idempotency_key", req.GetIdempotencyKey()); err != nil {
		return nil, err
	}
	purchase, err := s.purchases.Checkout(ctx, CheckoutRequest{
		AccountID: account(ctx), Key: req.GetIdempotencyKey(), PackageID: req.GetPackageId(),
		SuccessURL: req.GetSuccessUrl(), CancelURL: req.GetCancelUrl(), Locale: locale.Negotiate(ctx, "").Tag,
	})
	if errors.Is(err, ErrInvalid) {
		return nil, fault.InvalidField("The fields success_url and cancel_url must be http or https addresses.")
	}
	if err != nil {
		return nil, paymentFault(err)
	}
	return &billingv1.CreateCheckoutResponse{CheckoutUrl: purchase.CheckoutURL, PurchaseId: purchase.ID.String()}, nil
}

// Localize lets a refusal for lack of AI time name its package in a locale. It
// returns the error that it is given; others stay as they are.
func Localize(err error, tag string) error {
	if refusal, ok := errors.AsType[*InsufficientError](err); ok {
		refusal.Locale = tag
	}
	return err
}
