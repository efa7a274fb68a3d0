package server

import (
	"log/slog"
	"net/http"

	connectcors "connectrpc.com/cors"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/rs/cors"

	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
)

// handlers are what the routes lead to.
type handlers struct {
	builds          buildv1connect.BuildServiceHandler
	events          eventv1connect.EventServiceHandler
	eventSource     func(refuse func(http.ResponseWriter, *http.Request, error)) http.Handler
	billing         billingv1connect.BillingServiceHandler
	paymentWebhook  http.Handler
	recommendations recommendationv1connect.RecommendationServiceHandler
	verifier        *auth.Verifier
	health          *health
	corsOrigins     []string
	log             *slog.Logger
}

func serviceNames() []string {
	return []string{
		buildv1connect.BuildServiceName,
		eventv1connect.EventServiceName,
		billingv1connect.BillingServiceName,
		recommendationv1connect.RecommendationServiceName,
	}
}

// routes is every handler and its middleware. Health and the schema are for
// everybody.
func routes(h handlers) (http.Handler, error) {
	checkAccess, err := newAccessInterceptor(accessTable())
	if err != nil {
		return nil, err
	}
	c := &chain{access: checkAccess, verifier: h.verifier, log: h.log}
	options := c.options()
	services := http.NewServeMux()
	services.Handle(buildv1connect.NewBuildServiceHandler(h.builds, options))
	services.Handle(eventv1connect.NewEventServiceHandler(h.events, options, event.Codecs()))
	services.Handle(billingv1connect.NewBillingServiceHandler(h.billing, options))
	services.Handle(recommendationv1connect.NewRecommendationServiceHandler(h.recommendations, options))

	known := http.NewServeMux()
	for _, name := range serviceNames() {
		known.Handle("/"+name+"/", c.guard(services))
	}
	known.Handle("GET /v1/builds/{id}/events", c.guardSource(h.eventSource))
	// Its signature says who calls.
	known.Handle("POST /v1/payments/webhook", h.paymentWebhook)
	known.Handle(grpchealth.NewHandler(h.health))
	reflector := grpcreflect.NewStaticReflector(append(serviceNames(), grpchealth.HealthV1ServiceName)...)
	known.Handle(grpcreflect.NewHandlerV1(reflector))
	known.Handle(grpcreflect.NewHandlerV1Alpha(reflector))
	known.HandleFunc("GET /livez", h.health.live)
	known.HandleFunc("GET /readyz", h.health.ready)
	return logged(h.log, crossOrigin(h.corsOrigins, known)), nil
}

// unstored keeps caches and proxies from storing answers, which are one caller's,
// and from gathering up a stream before they pass it on.
func unstored(answer http.Header) {
	answer.Set("Cache-Control", "no-store, no-transform")
	answer.Set("X-Accel-Buffering", "no")
}

// crossOrigin lets the pages of exactly these origins call the API.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(), "Authorization", "Last-Event-ID", headerRequestID, headerTraceParent),
		ExposedHeaders: append(connectcors.ExposedHeaders(), headerRequestID, headerTraceParent,
			locale.HeaderLanguage, locale.HeaderPath),
		MaxAge: preflightAge,
	}).Handler(next)
}

// preflightAge is how long a browser may remember a preflight's answer, in
// seconds: two hours, the most that Chromium honors.
const preflightAge = 7200
