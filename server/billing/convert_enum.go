package billing

import (
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// A value that one side does not know becomes the other's zero value, which no
// operation of the ledger accepts.

func operationToProto(operation meter.Operation) billingv1.Operation {
	switch operation {
	case meter.MainBuild:
		return billingv1.Operation_OPERATION_MAIN_BUILD
	case meter.MetadataGeneration:
		return billingv1.Operation_OPERATION_METADATA_GENERATION
	case meter.Update:
		return billingv1.Operation_OPERATION_UPDATE
	}
	return billingv1.Operation_OPERATION_UNSPECIFIED
}

func operationFromProto(operation billingv1.Operation) meter.Operation {
	switch operation {
	case billingv1.Operation_OPERATION_MAIN_BUILD:
		return meter.MainBuild
	case billingv1.Operation_OPERATION_METADATA_GENERATION:
		return meter.MetadataGeneration
	case billingv1.Operation_OPERATION_UPDATE:
		return meter.Update
	case billingv1.Operation_OPERATION_UNSPECIFIED:
	}
	return ""
}

func outcomeToProto(outcome meter.Outcome) billingv1.Outcome {
	switch outcome {
	case meter.Succeeded:
		return billingv1.Outcome_OUTCOME_SUCCEEDED
	case meter.FailedUser:
		return billingv1.Outcome_OUTCOME_FAILED_USER
	case meter.FailedPlatform:
		return billingv1.Outcome_OUTCOME_FAILED_PLATFORM
	case meter.FailedProvider:
		return billingv1.Outcome_OUTCOME_FAILED_PROVIDER
	case meter.FailedPolicy:
		return billingv1.Outcome_OUTCOME_FAILED_POLICY
	case meter.Cancelled:
		return billingv1.Outcome_OUTCOME_CANCELLED
	}
	return billingv1.Outcome_OUTCOME_UNSPECIFIED
}

func outcomeFromProto(outcome billingv1.Outcome) meter.Outcome {
	switch outcome {
	case billingv1.Outcome_OUTCOME_SUCCEEDED:
		return meter.Succeeded
	case billingv1.Outcome_OUTCOME_FAILED_USER:
		return meter.FailedUser
	case billingv1.Outcome_OUTCOME_FAILED_PLATFORM:
		return meter.FailedPlatform
	case billingv1.Outcome_OUTCOME_FAILED_PROVIDER:
		return meter.FailedProvider
	case billingv1.Outcome_OUTCOME_FAILED_POLICY:
		return meter.FailedPolicy
	case billingv1.Outcome_OUTCOME_CANCELLED:
		return meter.Cancelled
	case billingv1.Outcome_OUTCOME_UNSPECIFIED:
	}
	return ""
}

func kindToProto(kind meter.Kind) billingv1.GrantKind {
	switch kind {
	case meter.Welcome:
		return billingv1.GrantKind_GRANT_KIND_WELCOME
	case meter.Daily:
		return billingv1.GrantKind_GRANT_KIND_DAILY
	case meter.Subscription:
		return billingv1.GrantKind_GRANT_KIND_SUBSCRIPTION
	case meter.Package:
		return billingv1.GrantKind_GRANT_KIND_PACKAGE
	case meter.Promo:
		return billingv1.GrantKind_GRANT_KIND_PROMO
	case meter.Compensation:
		return billingv1.GrantKind_GRANT_KIND_COMPENSATION
	}
	return billingv1.GrantKind_GRANT_KIND_UNSPECIFIED
}

func kindFromProto(kind billingv1.GrantKind) meter.Kind {
	switch kind {
	case billingv1.GrantKind_GRANT_KIND_WELCOME:
		return meter.Welcome
	case billingv1.GrantKind_GRANT_KIND_DAILY:
		return meter.Daily
	case billingv1.GrantKind_GRANT_KIND_SUBSCRIPTION:
		return meter.Subscription
	case billingv1.GrantKind_GRANT_KIND_PACKAGE:
		return meter.Package
	case billingv1.GrantKind_GRANT_KIND_PROMO:
		return meter.Promo
	case billingv1.GrantKind_GRANT_KIND_COMPENSATION:
		return meter.Compensation
	case billingv1.GrantKind_GRANT_KIND_UNSPECIFIED:
	}
	return ""
}

func holdStateToProto(state meter.HoldState) billingv1.HoldState {
	switch state {
	case meter.HoldOpen:
		return billingv1.HoldState_HOLD_STATE_OPEN
	case meter.HoldCommitted:
		return billingv1.HoldState_HOLD_STATE_COMMITTED
	case meter.HoldReleased:
		return billingv1.HoldState_HOLD_STATE_RELEASED
	case meter.HoldExpired:
		return billingv1.HoldState_HOLD_STATE_EXPIRED
	}
	return billingv1.HoldState_HOLD_STATE_UNSPECIFIED
}

func confidenceToProto(confidence Confidence) billingv1.Confidence {
	switch confidence {
	case ConfidenceLow:
		return billingv1.Confidence_CONFIDENCE_LOW
	case ConfidenceMedium:
		return billingv1.Confidence_CONFIDENCE_MEDIUM
	case ConfidenceHigh:
		return billingv1.Confidence_CONFIDENCE_HIGH
	}
	return billingv1.Confidence_CONFIDENCE_UNSPECIFIED
}

func sizeFromProto(size billingv1.ProjectSize) Size {
	switch size {
	case billingv1.ProjectSize_PROJECT_SIZE_SMALL:
		return SizeSmall
	case billingv1.ProjectSize_PROJECT_SIZE_LARGE:
		return SizeLarge
	case billingv1.ProjectSize_PROJECT_SIZE_UNSPECIFIED, billingv1.ProjectSize_PROJECT_SIZE_MEDIUM:
	}
	return SizeMedium
}
