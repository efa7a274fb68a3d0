package build

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/store"
)

// CancelBuild implements the RPC. The wish is stored first; a build that nobody
// works on and that has no files yet ends here and now, any other one by its
// worker, or by the next one, which keeps the files as a version.
func (s *Service) CancelBuild(ctx context.Context, req *buildv1.CancelBuildRequest) (*buildv1.CancelBuildResponse, error) {
	b, err := s.requestCancel(ctx, req)
	if err != nil {
		return nil, err
	}
	crash.Point(crash.CancelRequested)
	if idle(b) {
		ended, err := s.end(ctx, b, ending{state: Cancelled, reason: b.CancelReason})
		switch {
		case err == nil:
			b = ended
		case !errors.Is(err, errTransition):
			// The wish is stored: the worker that comes obeys it.
			return nil, err
		}
	}
	return &buildv1.CancelBuildResponse{Build: s.buildToProto(b)}, nil
}

// idle reports whether nobody works on a build, and it has no files yet that the
// next worker would keep.
func idle(b *store.Build) bool {
	state := State(b.State)
	return (state == Queued || state == Planning) && !leased(b)
}

// leased reports whether a worker may be at work on a build. Clocks differ, so
// a lease counts a little longer than it lasts; the compare-and-set decides.
func leased(b *store.Build) bool {
	return b.LeaseExpireTime != nil && time.Until(*b.LeaseExpireTime) > -time.Second
}

func (s *Service) requestCancel(ctx context.Context, req *buildv1.CancelBuildRequest) (*store.Build, error) {
	var b *store.Build
	err := store.InTx(ctx, s.db, func(tx pgx.Tx) (err error) {
		b, err = s.queries.BuildByIDForUpdate(ctx, tx, &store.BuildByIDForUpdateParams{
			ID: parseID(req.GetBuildId()), UserID: auth.Caller(ctx).UserID,
		})
		if err != nil {
			return err
		}
		switch State(b.State) {
		case Cancelled:
			return nil
		case Complete, Failed:
			s.metrics.refused.WithLabelValues(string(Cancelled)).Inc()
			return invalidTransition(State(b.State), Cancelled).Keyed("error.detail.cancelLate")
		default:
		}
		b, err = s.queries.BuildCancelRequest(ctx, tx, &store.BuildCancelRequestParams{
			ID: b.ID, CancelReason: event.CleanText(req.GetReason()),
		})
		return err
	})
	return b, err
}
