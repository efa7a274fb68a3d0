package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// defaultPage is what a page size of 0 stands for.
const defaultPage = 50

func pageSize(asked int32) int32 {
	if asked == 0 {
		return defaultPage
	}
	return asked
}

// ListWebhookDeliveries implements the RPC.
func (s *Service) ListWebhookDeliveries(
	ctx context.Context, req *eventv1.ListWebhookDeliveriesRequest,
) (*eventv1.ListWebhookDeliveriesResponse, error) {
	userID, endpointID := auth.Caller(ctx).UserID, parseID(req.GetWebhookEndpointId())
	bound := []string{"webhook_deliveries", userID.String(), endpointID.String()}
	before, err := s.deliveryPosition(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	if _, err := s.queries.WebhookEndpointByID(ctx, s.db, &store.WebhookEndpointByIDParams{ID: endpointID, UserID: userID}); err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize())
	rows, err := s.queries.WebhookDeliveryList(ctx, s.db, &store.WebhookDeliveryListParams{
		UserID: userID, EndpointID: endpointID, BeforeNumber: before, PageSize: size + 1,
	})
	if err != nil {
		return nil, err
	}
	res := &eventv1.ListWebhookDeliveriesResponse{}
	for i, row := range rows {
		if i == int(size) {
			last := binary.BigEndian.AppendUint64(nil, uint64(rows[i-1].Number)) //nolint:gosec // read back as it is
			res.NextPageToken = s.tokens.SealPage(last, bound...)
			break
		}
		res.WebhookDeliveries = append(res.WebhookDeliveries, deliveryToProto(row))
	}
	return res, nil
}

// deliveryPosition is the number that a page begins below.
func (s *Service) deliveryPosition(pageToken string, bound []string) (int64, error) {
	last, err := s.tokens.OpenPage(pageToken, bound...)
	if err != nil || last != nil && len(last) != 8 {
		return 0, fault.PageTokenInvalid()
	}
	if last == nil {
		return math.MaxInt64, nil
	}
	return int64(binary.BigEndian.Uint64(last)), nil //nolint:gosec // sealed from an int64
}

// RedeliverWebhook implements the RPC.
func (s *Service) RedeliverWebhook(
	ctx context.Context, req *eventv1.RedeliverWebhookRequest,
) (*eventv1.RedeliverWebhookResponse, error) {
	id, ok := parseMessageID(req.GetWebhookDeliveryId())
	if !ok {
		return nil, fault.NotFound()
	}
	userID := auth.Caller(ctx).UserID
	row, err := s.queries.WebhookDeliveryRedeliver(ctx, s.db, &store.WebhookDeliveryRedeliverParams{ID: id, UserID: userID})
	if errors.Is(err, store.ErrNotFound) {
		// There is none, or its endpoint gets nothing.
		_, err = s.queries.WebhookDeliveryEndpoint(ctx, s.db, &store.WebhookDeliveryEndpointParams{ID: id, UserID: userID})
		if err == nil {
			err = disabled()
		}
	}
	if err != nil {
		return nil, err
	}
	return &eventv1.RedeliverWebhookResponse{WebhookDelivery: deliveryToProto((*store.WebhookDeliveryListRow)(row))}, nil
}
