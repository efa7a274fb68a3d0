package server

import (
	"log/slog"
	"net/http"

	"connectrpc.com/connect"
	connectcors "connectrpc.com/cors"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"connectrpc.com/validate"
	"github.com/rs/cors"

	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
)

// handlers are what the routes lead to.
type handlers struct {
	builds          buildv1connect.BuildServiceHandler
	events          eventv1connect.EventServiceHandler
	billing         billingv1connect.BillingServiceHandler
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

// routes is every handler and its middleware. From the outside in: request id
// and log, CORS, size, authentication; then, inside the RPC library, errors,
// access and validation. Health and the schema are for everybody.
func routes(h handlers) (http.Handler, error) {
	checkAccess, err := newAccessInterceptor(accessTable())
	if err != nil {
		return nil, err
	}
	options := connect.WithHandlerOptions(
		connect.WithInterceptors(fault.NewInterceptor(h.log), checkAccess, validate.NewInterceptor()),
		connect.WithReadMaxBytes(fault.MaxRequestBytes),
		// A compressed request could inflate far beyond the limit.
		connect.WithCompression("gzip", nil, nil),
	)
	services := http.NewServeMux()
	services.Handle(buildv1connect.NewBuildServiceHandler(h.builds, options))
	services.Handle(eventv1connect.NewEventServiceHandler(h.events, options))
	services.Handle(billingv1connect.NewBillingServiceHandler(h.billing, options))
	services.Handle(recommendationv1connect.NewRecommendationServiceHandler(h.recommendations, options))

	refuse := newRefusal(options)
	known := http.NewServeMux()
	for _, name := range serviceNames() {
		known.Handle("/"+name+"/", refuse.oversized(auth.Middleware(h.verifier, h.log, refuse.unauthenticated)(services)))
	}
	known.Handle(grpchealth.NewHandler(h.health))
	reflector := grpcreflect.NewStaticReflector(append(serviceNames(), grpchealth.HealthV1ServiceName)...)
	known.Handle(grpcreflect.NewHandlerV1(reflector))
	known.Handle(grpcreflect.NewHandlerV1Alpha(reflector))
	known.HandleFunc("GET /livez", h.health.live)
	known.HandleFunc("GET /readyz", h.health.ready)
	return logged(h.log, crossOrigin(h.corsOrigins, known)), nil
}

// refusal answers requests that never reach the RPC library, in the protocol in
// which they were asked.
type refusal struct {
	writer *connect.ErrorWriter
}

func newRefusal(options connect.HandlerOption) *refusal {
	return &refusal{writer: connect.NewErrorWriter(options)}
}

func (f *refusal) unauthenticated(w http.ResponseWriter, r *http.Request, cause error) {
	f.write(w, r, http.StatusUnauthorized, fault.Unauthenticated(cause))
}

func (f *refusal) write(w http.ResponseWriter, r *http.Request, status int, err *fault.Error) {
	if !f.writer.IsSupported(r) {
		http.Error(w, err.Message, status)
		return
	}
	// The caller may be gone; there is nobody else to tell.
	_ = f.writer.Write(w, r, fault.Wire(err))
}

// oversized refuses a body that says that it is too large, and cuts one that does
// not say it.
func (f *refusal) oversized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > fault.MaxRequestBytes+envelope {
			f.write(w, r, http.StatusRequestEntityTooLarge, fault.PayloadTooLarge(r.ContentLength))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, fault.MaxRequestBytes+envelope)
		next.ServeHTTP(w, r)
	})
}

// envelope is what gRPC and streams put before a message.
const envelope = 5

// crossOrigin lets the pages of exactly these origins call the API.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(), "Authorization", headerRequestID, headerTraceParent),
		ExposedHeaders: append(connectcors.ExposedHeaders(), headerRequestID, headerTraceParent),
		MaxAge:         preflightAge,
	}).Handler(next)
}

// preflightAge is how long a browser may remember a preflight's answer, in
// seconds: two hours, the most that Chromium honors.
const preflightAge = 7200
