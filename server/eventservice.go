package server

import (
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/webhook"
)

// The two domains that EventService consists of, under names that can stand in one
// struct.
type (
	eventLog      = event.Service
	eventWebhooks = webhook.Service
)

// eventService is EventService. What neither domain serves, the log's one answers.
type eventService struct {
	*eventLog
	*eventWebhooks
}
