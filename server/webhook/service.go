package webhook

import (
	"context"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
)

// Service implements the webhook procedures of EventService. It is safe for
// concurrent use.
type Service struct {
	db      *store.DB
	queries *store.Queries
	tokens  *token.Codec
	guard   *guard
	clock   Clock
}

// NewService serves endpoints whose addresses are public or allowed.
func NewService(o Options, tokens *token.Codec) *Service {
	if o.Clock == nil {
		o.Clock = databaseClock(o.DB)
	}
	return &Service{db: o.DB, queries: store.New(), tokens: tokens, guard: newGuard(o.Allow, nil), clock: o.Clock}
}

// CreateWebhookEndpoint implements the RPC.
func (s *Service) CreateWebhookEndpoint(
	ctx context.Context, req *eventv1.CreateWebhookEndpointRequest,
) (*eventv1.CreateWebhookEndpointResponse, error) {
	wanted, err := s.wishFromProto(auth.Caller(ctx).UserID, req)
	if err != nil {
		return nil, err
	}
	made, secret, err := s.create(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return &eventv1.CreateWebhookEndpointResponse{WebhookEndpoint: endpointToProto(made), Secret: secret}, nil
}

// ListWebhookEndpoints implements the RPC.
func (s *Service) ListWebhookEndpoints(
	ctx context.Context, req *eventv1.ListWebhookEndpointsRequest,
) (*eventv1.ListWebhookEndpointsResponse, error) {
	userID := auth.Caller(ctx).UserID
	bound := []string{"webhook_endpoints", userID.String()}
	last, err := s.tokens.OpenPage(req.GetPageToken(), bound...)
	if err != nil || last != nil && len(last) != len(uuid.UUID{}) {
		return nil, fault.PageTokenInvalid()
	}
	before := uuid.Max
	if last != nil {
		before = uuid.UUID(last)
	}
	size := pageSize(req.GetPageSize())
	rows, err := s.queries.WebhookEndpointList(ctx, s.db, &store.WebhookEndpointListParams{
		UserID: userID, BeforeID: before, PageSize: size + 1,
	})
	if err != nil {
		return nil, err
	}
	res := &eventv1.ListWebhookEndpointsResponse{}
	for i, row := range rows {
		if i == int(size) {
			res.NextPageToken = s.tokens.SealPage(rows[i-1].ID[:], bound...)
			break
		}
		res.WebhookEndpoints = append(res.WebhookEndpoints, endpointToProto(row))
	}
	return res, nil
}

// DeleteWebhookEndpoint implements the RPC.
func (s *Service) DeleteWebhookEndpoint(
	ctx context.Context, req *eventv1.DeleteWebhookEndpointRequest,
) (*eventv1.DeleteWebhookEndpointResponse, error) {
	n, err := s.queries.WebhookEndpointDelete(ctx, s.db, &store.WebhookEndpointDeleteParams{
		ID: parseID(req.GetWebhookEndpointId()), UserID: auth.Caller(ctx).UserID,
	})
	if err == nil && n == 0 {
		err = fault.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return &eventv1.DeleteWebhookEndpointResponse{}, nil
}

// EnableWebhookEndpoint implements the RPC.
func (s *Service) EnableWebhookEndpoint(
	ctx context.Context, req *eventv1.EnableWebhookEndpointRequest,
) (*eventv1.EnableWebhookEndpointResponse, error) {
	row, err := s.enable(ctx, auth.Caller(ctx).UserID, parseID(req.GetWebhookEndpointId()))
	if err != nil {
		return nil, err
	}
	return &eventv1.EnableWebhookEndpointResponse{WebhookEndpoint: endpointToProto(row)}, nil
}

// RotateWebhookSecret implements the RPC.
func (s *Service) RotateWebhookSecret(
	ctx context.Context, req *eventv1.RotateWebhookSecretRequest,
) (*eventv1.RotateWebhookSecretResponse, error) {
	secret, expire, err := s.rotate(ctx, auth.Caller(ctx).UserID, parseID(req.GetWebhookEndpointId()))
	if err != nil {
		return nil, err
	}
	return rotationToProto(secret, expire), nil
}
