package billing

import (
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
)

func autoTopUpToProto(rule *AutoTopUp) *billingv1.AutoTopUp {
	converted := &billingv1.AutoTopUp{
		Enabled:          rule.Enabled,
		ThresholdSeconds: rule.ThresholdSeconds,
		PackageId:        rule.PackageID,
		MonthlyCapMicros: rule.MonthlyCapMicros,
		ConsentVersion:   rule.ConsentVersion,
		Suspended:        rule.Suspended,
	}
	if !rule.ConsentTime.IsZero() {
		converted.ConsentTime = timestamppb.New(rule.ConsentTime)
	}
	return converted
}

func autoTopUpFromProto(accountID uuid.UUID, req *billingv1.SetAutoTopUpRequest) (AutoTopUpRequest, error) {
	if err := storable("package_id", req.GetPackageId()); err != nil {
		return AutoTopUpRequest{}, err
	}
	return AutoTopUpRequest{
		AccountID:        accountID,
		Enabled:          req.GetEnabled(),
		ThresholdSeconds: req.GetThresholdSeconds(),
		PackageID:        req.GetPackageId(),
		MonthlyCapMicros: req.GetMonthlyCapMicros(),
		ConsentVersion:   req.GetConsentVersion(),
	}, storable("consent_version", req.GetConsentVersion())
}
