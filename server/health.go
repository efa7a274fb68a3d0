package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/store"
)

// health says whether this process lives and whether it can serve. A process is
// ready while it is not stopping and Postgres answers; Redis only makes it fast.
type health struct {
	db       *store.DB
	redis    redis.UniversalClient
	stopping atomic.Bool
}

// probeTimeout bounds the questions to Postgres and Redis.
const probeTimeout = 2 * time.Second

func (h *health) problem(ctx context.Context) string {
	if h.stopping.Load() {
		return "stopping"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := h.db.Ping(ctx); err != nil {
		return "store unavailable"
	}
	return ""
}

func (*health) live(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") }

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if problem := h.problem(r.Context()); problem != "" {
		say(w, http.StatusServiceUnavailable, problem)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	if err := h.redis.Ping(ctx).Err(); err != nil {
		say(w, http.StatusOK, "ready, without Redis")
		return
	}
	say(w, http.StatusOK, "ready")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The prober may be gone; there is nobody else to tell.
	_, _ = w.Write([]byte(text + "\n"))
}

var errUnknownService = errors.New("unknown service")

// Check implements [grpchealth.Checker]. All services are ready together.
func (h *health) Check(ctx context.Context, req *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if req.Service != "" && !known(req.Service) {
		return nil, connect.NewError(connect.CodeNotFound, errUnknownService)
	}
	if h.problem(ctx) != "" {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

func known(service string) bool {
	return slices.Contains(serviceNames(), service)
}
