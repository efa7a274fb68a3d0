package build

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// stateToProto is the enum value of a stored state: the names are the same.
func stateToProto(s State) buildv1.BuildState {
	return buildv1.BuildState(buildv1.BuildState_value["BUILD_STATE_"+strings.ToUpper(string(s))])
}

func operationToProto(s string) billingv1.Operation {
	return billingv1.Operation(billingv1.Operation_value["OPERATION_"+strings.ToUpper(s)])
}

func operationFromProto(o billingv1.Operation) string {
	if o == billingv1.Operation_OPERATION_UPDATE {
		return "update"
	}
	return "main_build"
}

func (s *Service) buildToProto(b *store.Build) *buildv1.Build {
	out := &buildv1.Build{
		Id:               b.ID.String(),
		BuildSessionId:   b.BuildSessionID,
		ProjectId:        b.ProjectID.String(),
		State:            stateToProto(State(b.State)),
		ProgressPermille: b.ProgressPermille,
		StepIndex:        b.StepIndex,
		StepCount:        b.StepCount,
		HeadSeq:          b.HeadSeq,
		VersionId:        idToProto(b.VersionID),
		Error:            errorToProto(b),
		Locale:           b.Locale,
		Prompt:           b.Prompt,
		CreateTime:       timestamppb.New(b.CreateTime),
		StartTime:        timeToProto(b.StartTime),
		EndTime:          timeToProto(b.EndTime),
		Attempt:          b.Attempt,
		ParentBuildId:    idToProto(b.ParentBuildID),
		ChargedSeconds:   b.ChargedSeconds,
		HeldSeconds:      b.HeldSeconds,
		Operation:        operationToProto(b.Operation),
	}
	if b.RecommendationID != nil {
		out.RecommendationId = *b.RecommendationID
	}
	// Only what passed its probe is shown; an interrupted version has its own address.
	if b.VersionID != nil && State(b.State) == Complete {
		out.PreviewUrl = s.origin.URL(*b.VersionID)
	}
	return out
}

func errorToProto(b *store.Build) *buildv1.BuildError {
	if b.ErrorReason == nil || b.ErrorClass == nil {
		return nil
	}
	return newBuildError(Reason(*b.ErrorReason), Class(*b.ErrorClass), b.ErrorRetryable, b.Locale)
}

func newBuildError(reason Reason, class Class, retryable bool, tag string) *buildv1.BuildError {
	key := messageKey(reason, class)
	return &buildv1.BuildError{
		Reason:    buildv1.BuildErrorReason(buildv1.BuildErrorReason_value["BUILD_ERROR_REASON_"+strings.ToUpper(string(reason))]),
		Class:     buildv1.ErrorClass(buildv1.ErrorClass_value["ERROR_CLASS_"+strings.ToUpper(string(class))]),
		Retryable: retryable,
		Message:   locale.Text(tag, key, nil),
		// A reader in another language is told the same.
		MessageKey: key,
	}
}

// messageKey is the catalogue's key of what a user is told of a failure.
func messageKey(reason Reason, class Class) string {
	switch reason {
	case ReasonTestsFailed:
		return "error.build.tests"
	case ReasonInsufficientAITime:
		return "error.build.insufficientTime"
	default:
		return "error.build." + string(class)
	}
}

func versionToProto(v *store.Version, url string) *buildv1.Version {
	return &buildv1.Version{
		Id:              v.ID.String(),
		ProjectId:       v.ProjectID.String(),
		BuildId:         idToProto(v.BuildID),
		Number:          v.Number,
		Root:            hex.EncodeToString(v.Root),
		ParentVersionId: idToProto(v.ParentVersionID),
		Engine:          v.Engine,
		FileCount:       v.FileCount,
		SizeBytes:       v.SizeBytes,
		PreviewUrl:      url,
		Interrupted:     v.Interrupted,
		CreateTime:      timestamppb.New(v.CreateTime),
	}
}

func idToProto(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

func timeToProto(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}
