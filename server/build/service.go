package build

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
)

// Ports are what builds are made with. All fields but the last two are required.
type Ports struct {
	DB     *store.DB
	Ledger *billing.Ledger
	Log    *event.Log
	Hub    *event.Hub
	// Appender is the node's, and runs as long as workers do.
	Appender *event.Appender
	Blobs    *preview.Blobs
	Origin   preview.Origin
	// Targets are what versions can be deployed on.
	Targets deploy.Targets
	Limits  Limits
	Logger  *slog.Logger
	// Metrics are the process's; nil counts for nobody.
	Metrics *Metrics
	// Recommendations say how builds get theirs; the zero value is beside the build.
	Recommendations Recommendations
}

// ResumeToken seals a position in a build's log.
type ResumeToken func(buildID uuid.UUID, seq int64) string

// Service implements BuildService. It is safe for concurrent use.
type Service struct {
	buildv1connect.UnimplementedBuildServiceHandler
	*ender

	tokens  *token.Codec
	resume  ResumeToken
	blobs   *preview.Blobs
	targets deploy.Targets
	limits  Limits
}

// NewService makes the service; jobs inserts the builds' jobs.
func NewService(p Ports, jobs *river.Client[pgx.Tx], tokens *token.Codec) *Service {
	s := &Service{
		ender:   newEnder(p),
		tokens:  tokens,
		blobs:   p.Blobs,
		targets: p.Targets,
		limits:  p.Limits,
	}
	s.jobs = jobs
	return s
}

// ConnectResume gives the service what seals resume tokens, before its first use.
func (s *Service) ConnectResume(resume ResumeToken) { s.resume = resume }

// Describe returns a user's build as it stands, or [store.ErrNotFound].
func (s *Service) Describe(ctx context.Context, buildID, userID uuid.UUID) (*buildv1.Build, error) {
	b, err := s.queries.BuildByID(ctx, s.db, &store.BuildByIDParams{ID: buildID, UserID: userID})
	if err != nil {
		return nil, err
	}
	return s.buildToProto(b), nil
}

// GetBuild implements the RPC.
func (s *Service) GetBuild(ctx context.Context, req *buildv1.GetBuildRequest) (*buildv1.GetBuildResponse, error) {
	b, err := s.Describe(ctx, parseID(req.GetBuildId()), auth.Caller(ctx).UserID)
	if err != nil {
		return nil, err
	}
	if seq := req.GetAsOfSeq(); seq > 0 && seq < b.GetHeadSeq() {
		fold, err := s.log.Fold(ctx, b, seq)
		if err != nil {
			return nil, err
		}
		b = fold.Build()
	}
	reading := locale.Read(req.GetLocale(), b.GetLocale())
	event.RewordError(b.GetError(), reading.Tag)
	reading.Tell(ctx)
	return &buildv1.GetBuildResponse{Build: b}, nil
}

// GetLifecycle implements the RPC.
func (*Service) GetLifecycle(context.Context, *buildv1.GetLifecycleRequest) (*buildv1.GetLifecycleResponse, error) {
	res := &buildv1.GetLifecycleResponse{MaxFixAttempts: MaxFixAttempts}
	for _, state := range States() {
		res.States = append(res.States, &buildv1.LifecycleState{State: stateToProto(state), Final: state.Final()})
	}
	for _, t := range Transitions() {
		res.Transitions = append(res.Transitions, &buildv1.LifecycleTransition{From: stateToProto(t.From), To: stateToProto(t.To)})
	}
	return res, nil
}

// parseID reads an id that the schema has already checked. The nil UUID, which
// nothing has, stands for one that it let through in another spelling.
func parseID(s string) uuid.UUID {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil
	}
	return id
}

const (
	// holdTTL keeps a hold for as long as a build may wait and run. It begins
	// anew with the work of a build that waited for long, and with each extension.
	holdTTL = 24 * time.Hour
	// holdSpare is what a hold outlasts its build's longest run by, at least.
	holdSpare = time.Hour
)
