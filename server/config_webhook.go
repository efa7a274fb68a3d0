package server

import (
	"fmt"

	"github.com/sheenapps/sheen/server/webhook"
)

func webhookAllowSetting() setting {
	return setting{
		name: "webhook-allow", parse: parseWebhookAllow,
		meaning: "what webhooks may reach beside public hosts on port 443: host:port, also without TLS, and networks such as 10.0.0.0/8, separated by commas",
	}
}

func parseWebhookAllow(cfg *Config, raw string) error {
	allow, err := webhook.ParseAllow(raw)
	if err != nil {
		return fmt.Errorf("must list host:port and networks, separated by commas: %w", err)
	}
	cfg.WebhookAllow = allow
	return nil
}
