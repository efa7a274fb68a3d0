package webhook

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

// wishFromProto understands a request, or says what is wrong with it.
func (s *Service) wishFromProto(userID uuid.UUID, req *eventv1.CreateWebhookEndpointRequest) (*wish, error) {
	if refusal := s.guard.check(req.GetUrl()); refusal != nil {
		return nil, refusal
	}
	kinds, err := kindsOf(req.GetEventTypes())
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(fmt.Appendf(nil, "%d %v %s", len(req.GetEventTypes()), kinds, req.GetUrl()))
	return &wish{userID: userID, key: req.GetIdempotencyKey(), hash: hash[:], url: req.GetUrl(), kinds: kinds}, nil
}

func endpointToProto(row *store.WebhookEndpoint) *eventv1.WebhookEndpoint {
	e := &eventv1.WebhookEndpoint{
		Id: row.ID.String(), Url: row.URL, CreateTime: timestamppb.New(row.CreateTime),
		Disabled: row.DisableTime != nil, DisableTime: timeToProto(row.DisableTime),
	}
	for _, kind := range row.Kinds {
		e.EventTypes = append(e.EventTypes, typeOf(kind))
	}
	if row.DisableReason != nil {
		e.DisableReason = map[string]eventv1.WebhookDisableReason{
			"gone":    eventv1.WebhookDisableReason_WEBHOOK_DISABLE_REASON_GONE,
			"failing": eventv1.WebhookDisableReason_WEBHOOK_DISABLE_REASON_FAILING,
		}[*row.DisableReason]
	}
	return e
}

func deliveryToProto(row *store.WebhookDeliveryListRow) *eventv1.WebhookDelivery {
	d := &eventv1.WebhookDelivery{
		Id: messageID(row.ID), EndpointId: row.EndpointID.String(), BuildId: row.BuildID.String(), Seq: row.Seq,
		EventType: typeOf(row.Kind), AttemptCount: row.AttemptCount, LastStatus: row.LastStatus, LastError: row.LastError,
		CreateTime: timestamppb.New(row.CreateTime), LastAttemptTime: timeToProto(row.LastAttemptTime),
		State: map[string]eventv1.WebhookDeliveryState{
			"pending":   eventv1.WebhookDeliveryState_WEBHOOK_DELIVERY_STATE_PENDING,
			"delivered": eventv1.WebhookDeliveryState_WEBHOOK_DELIVERY_STATE_DELIVERED,
			"failed":    eventv1.WebhookDeliveryState_WEBHOOK_DELIVERY_STATE_FAILED,
		}[row.State],
	}
	if row.State == "pending" {
		d.NextAttemptTime = timeToProto(row.DueTime)
	}
	return d
}

func rotationToProto(secret string, expire time.Time) *eventv1.RotateWebhookSecretResponse {
	return &eventv1.RotateWebhookSecretResponse{Secret: secret, PreviousExpireTime: timestamppb.New(expire)}
}

func timeToProto(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}
