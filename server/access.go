package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
)

// access is who may call a procedure and how long a call may take.
type access struct {
	roles []auth.Role
	// deadline bounds the call; a caller's earlier one counts. Zero bounds a
	// stream by its own lifetime only.
	deadline time.Duration
}

var (
	everyone  = []auth.Role{auth.RoleUser, auth.RoleService, auth.RoleAdmin}
	services  = []auth.Role{auth.RoleService, auth.RoleAdmin}
	admins    = []auth.Role{auth.RoleAdmin}
	read      = access{everyone, 10 * time.Second}
	write     = access{everyone, 15 * time.Second}
	longPoll  = access{everyone, 35 * time.Second}
	streaming = access{everyone, 0}
	internal  = access{services, 10 * time.Second}
	admin     = access{admins, 30 * time.Second}
	// audit reads whole tables.
	audit = access{admins, 5 * time.Minute}
)

// accessTable names every procedure there is.
func accessTable() map[string]access {
	return map[string]access{
		buildv1connect.BuildServiceAnalyzePromptProcedure:   read,
		buildv1connect.BuildServiceQuoteBuildProcedure:      read,
		buildv1connect.BuildServiceStartBuildProcedure:      write,
		buildv1connect.BuildServiceGetBuildProcedure:        read,
		buildv1connect.BuildServiceListBuildsProcedure:      read,
		buildv1connect.BuildServiceCancelBuildProcedure:     write,
		buildv1connect.BuildServiceRetryBuildProcedure:      write,
		buildv1connect.BuildServiceGetProjectProcedure:      read,
		buildv1connect.BuildServiceListProjectsProcedure:    read,
		buildv1connect.BuildServiceListVersionsProcedure:    read,
		buildv1connect.BuildServiceGetVersionProcedure:      read,
		buildv1connect.BuildServiceCompareVersionsProcedure: read,
		buildv1connect.BuildServiceRestoreVersionProcedure:  write,
		buildv1connect.BuildServiceDeployVersionProcedure:   write,
		buildv1connect.BuildServiceGetDeploymentProcedure:   read,
		buildv1connect.BuildServiceListDeploymentsProcedure: read,
		buildv1connect.BuildServiceListFilesProcedure:       read,
		buildv1connect.BuildServiceGetFileProcedure:         read,
		buildv1connect.BuildServiceExportVersionProcedure:   streaming,
		buildv1connect.BuildServiceGetLifecycleProcedure:    read,
		buildv1connect.BuildServiceGetLimitsProcedure:       read,

		eventv1connect.EventServiceStreamEventsProcedure:          streaming,
		eventv1connect.EventServiceListEventsProcedure:            longPoll,
		eventv1connect.EventServiceAppendEventsProcedure:          internal,
		eventv1connect.EventServiceListInternalEventsProcedure:    admin,
		eventv1connect.EventServiceReportMetricsProcedure:         write,
		eventv1connect.EventServiceCreateWebhookEndpointProcedure: write,
		eventv1connect.EventServiceListWebhookEndpointsProcedure:  read,
		eventv1connect.EventServiceDeleteWebhookEndpointProcedure: write,
		eventv1connect.EventServiceEnableWebhookEndpointProcedure: write,
		eventv1connect.EventServiceRotateWebhookSecretProcedure:   write,
		eventv1connect.EventServiceListWebhookDeliveriesProcedure: read,
		eventv1connect.EventServiceRedeliverWebhookProcedure:      write,

		billingv1connect.BillingServiceGetBalanceProcedure:       read,
		billingv1connect.BillingServiceEstimateUsageProcedure:    read,
		billingv1connect.BillingServiceListPackagesProcedure:     read,
		billingv1connect.BillingServiceCreateCheckoutProcedure:   write,
		billingv1connect.BillingServiceListTransactionsProcedure: read,
		billingv1connect.BillingServiceGetReceiptProcedure:       read,
		billingv1connect.BillingServiceGetUsageProcedure:         read,
		billingv1connect.BillingServiceGetAutoTopUpProcedure:     read,
		billingv1connect.BillingServiceSetAutoTopUpProcedure:     write,
		billingv1connect.BillingServiceReserveProcedure:          internal,
		billingv1connect.BillingServiceExtendHoldProcedure:       internal,
		billingv1connect.BillingServiceCommitProcedure:           internal,
		billingv1connect.BillingServiceReleaseProcedure:          internal,
		billingv1connect.BillingServiceGetHoldProcedure:          internal,
		billingv1connect.BillingServiceGrantCreditsProcedure:     admin,
		billingv1connect.BillingServiceVoidGrantProcedure:        admin,
		billingv1connect.BillingServiceVerifyLedgerProcedure:     audit,

		recommendationv1connect.RecommendationServiceGetQuickSuggestionsProcedure:  read,
		recommendationv1connect.RecommendationServiceGetRecommendationsProcedure:   read,
		recommendationv1connect.RecommendationServiceRetryRecommendationsProcedure: write,
		recommendationv1connect.RecommendationServiceRecordInteractionProcedure:    write,
		recommendationv1connect.RecommendationServiceApplyRecommendationProcedure:  write,
	}
}

// accessInterceptor keeps to the table. It is safe for concurrent use.
type accessInterceptor struct {
	table map[string]access
}

// errUnlisted says that a procedure is missing in the access table.
var errUnlisted = errors.New("procedure has no entry in the access table")

// newAccessInterceptor checks that every procedure of ours is in the table.
func newAccessInterceptor(table map[string]access) (*accessInterceptor, error) {
	for _, procedure := range procedures() {
		if _, ok := table[procedure]; !ok {
			return nil, fmt.Errorf("%s: %w", procedure, errUnlisted)
		}
	}
	return &accessInterceptor{table: table}, nil
}

// procedures are the paths of all RPCs of Sheen that are linked in.
func procedures() []string {
	var all []string
	for _, name := range serviceNames() {
		protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(name).Parent(), collect(&all))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func collect(all *[]string) func(protoreflect.FileDescriptor) bool {
	return func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				m := methods.Get(j)
				*all = append(*all, fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()))
			}
		}
		return true
	}
}

func (a *accessInterceptor) check(ctx context.Context, procedure string) (access, error) {
	entry, ok := a.table[procedure]
	if !ok || !slices.Contains(entry.roles, auth.Caller(ctx).Role) {
		return access{}, fault.PermissionDenied()
	}
	return entry, nil
}

// WrapUnary implements [connect.Interceptor].
func (a *accessInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		entry, err := a.check(ctx, req.Spec().Procedure)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, entry.deadline)
		defer cancel()
		return next(ctx, req)
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (a *accessInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := a.checkStream(ctx, conn); err != nil {
			return err
		}
		return next(ctx, conn)
	}
}

func (a *accessInterceptor) checkStream(ctx context.Context, conn connect.StreamingHandlerConn) error {
	_, err := a.check(ctx, conn.Spec().Procedure)
	return err
}

// WrapStreamingClient implements [connect.Interceptor]; clients are left alone.
func (*accessInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
