package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// repeated is the build that a retry goes on from.
type repeated struct {
	parent *store.Build
	// plan is what the parent planned; nil if it did not come that far.
	plan *engine.Plan
	// free says that the parent's failure is made good.
	free bool
	// spendable is what the account has, if the retry is free.
	spendable int64
}

// parentID is the id of the parent, or nil.
func (r *repeated) parentID() *uuid.UUID {
	if r == nil {
		return nil
	}
	return &r.parent.ID
}

// RetryBuild implements the RPC. It starts a build as StartBuild does, which goes on
// from the last good step of its parent.
func (s *Service) RetryBuild(ctx context.Context, req *buildv1.RetryBuildRequest) (*buildv1.RetryBuildResponse, error) {
	parent, err := s.queries.BuildByID(ctx, s.db, &store.BuildByIDParams{
		ID: parseID(req.GetBuildId()), UserID: auth.Caller(ctx).UserID,
	})
	if err != nil {
		return nil, err
	}
	if err := mayRepeat(parent); err != nil {
		return nil, err
	}
	sub, err := s.newRetry(ctx, req.GetBuildSessionId(), parent)
	if err != nil {
		return nil, err
	}
	accepted, err := s.submit(ctx, sub)
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok && conflict.Constraint == "builds_free_retry" {
		// Another retry was faster; a failure is made good once.
		sub.repeats.free = false
		accepted, err = s.submit(ctx, sub)
	}
	if err != nil {
		return nil, err
	}
	return &buildv1.RetryBuildResponse{
		Build:       s.buildToProto(accepted.build),
		Quote:       accepted.quote.toProto(accepted.spendable, true),
		ResumeToken: s.resume(accepted.build.ID, 0),
	}, nil
}

// mayRepeat says why a build cannot be repeated, if it cannot.
func mayRepeat(parent *store.Build) error {
	switch state := State(parent.State); {
	case state == Failed && !parent.ErrorRetryable:
		return notRetryable()
	case state != Failed && state != Cancelled:
		return invalidTransition(state, Queued).Keyed("error.detail.retryEarly")
	}
	return nil
}

func (s *Service) newRetry(ctx context.Context, session string, parent *store.Build) (*submission, error) {
	sub := &submission{
		userID:    parent.UserID,
		projectID: parent.ProjectID,
		session:   session,
		hash:      sha256.Sum256([]byte("retry " + parent.ID.String())),
		prompt:    parent.Prompt,
		locale:    parent.Locale,
		operation: parent.Operation,
		analysis:  analyzed(parent),
		repeats:   &repeated{parent: parent},
	}
	if sub.session == "" {
		sub.session = "bs_" + newID().String()
	}
	if err := json.Unmarshal(parent.Answers, &sub.answers); err != nil {
		return nil, fmt.Errorf("decode answers: %w", err)
	}
	plan, err := s.storedPlan(ctx, parent.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	sub.repeats.plan = plan
	if sub.repeats.free, err = s.isFree(ctx, parent); err != nil || !sub.repeats.free {
		return sub, err
	}
	balance, err := s.ledger.Balance(ctx, s.db, parent.UserID)
	if err == nil {
		sub.repeats.spendable = balance.Spendable
	}
	return sub, err
}

// isFree reports whether the retry of a build costs nothing: the build failed for
// the platform's or a provider's sake, and that was not made good yet. A build that
// took too long is not among them: with what it finished taken over, large sites
// would be had for nothing, a limit at a time.
func (s *Service) isFree(ctx context.Context, parent *store.Build) (bool, error) {
	if parent.ErrorClass == nil {
		return false, nil
	}
	if class := Class(*parent.ErrorClass); class != ClassPlatform && class != ClassProvider {
		return false, nil
	}
	found, err := s.queries.BuildFreeRetryExists(ctx, s.db, &store.BuildFreeRetryExistsParams{ParentBuildID: &parent.ID})
	return !found, err
}

// reserveNothing stands for the hold of a build that costs nothing. It takes the
// project's lock.
func (s *Service) reserveNothing(ctx context.Context, tx pgx.Tx, sub *submission) (reserved, error) {
	if err := s.queries.ProjectLock(ctx, tx, &store.ProjectLockParams{ID: sub.projectID}); err != nil {
		return reserved{}, err
	}
	_, err := s.queries.BuildBySession(ctx, tx, &store.BuildBySessionParams{UserID: sub.userID, BuildSessionID: sub.session})
	if err == nil {
		return reserved{}, billing.ErrKeyReused
	}
	if !errors.Is(err, store.ErrNotFound) {
		return reserved{}, err
	}
	return reserved{spendable: sub.repeats.spendable}, nil
}

// takeOver gives a build what is good of its parent's work, and returns the events
// that tell of it. Of a build that failed its tests only the plan is good, and
// nothing of one that changed a site which is another one by now.
func (s *Service) takeOver(ctx context.Context, tx pgx.Tx, from *repeated, b *store.Build) ([]*eventv1.BuildEvent, error) {
	var lines []*eventv1.BuildEvent
	tell := func(key string, args locale.Args) { lines = append(lines, told(b.Locale, key, args)) }
	if b.Free {
		tell("event.retry.free", nil)
	}
	outdated, err := s.queries.BuildIsOutdated(ctx, tx, &store.BuildIsOutdatedParams{ID: from.parent.ID})
	if err != nil {
		return nil, err
	}
	if outdated || from.plan == nil {
		tell("event.retry.anew", nil)
		return lines, nil
	}
	if _, err := s.queries.BuildPlanCopy(ctx, tx, &store.BuildPlanCopyParams{BuildID: b.ID, ParentBuildID: from.parent.ID}); err != nil {
		return nil, err
	}
	if err := s.queries.BuildBaseCopy(ctx, tx, &store.BuildBaseCopyParams{BuildID: b.ID, ParentBuildID: from.parent.ID}); err != nil {
		return nil, err
	}
	files, err := s.takeFiles(ctx, tx, from, b)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		tell("event.retry.plan", nil)
		return lines, nil
	}
	tell("event.retry.files", locale.Args{"count": len(files)})
	return append(lines, files...), nil
}

// takeFiles takes the parent's finished files over, unless its site is what failed.
func (s *Service) takeFiles(ctx context.Context, tx pgx.Tx, from *repeated, b *store.Build) ([]*eventv1.BuildEvent, error) {
	if reason := from.parent.ErrorReason; reason != nil && Reason(*reason) == ReasonTestsFailed {
		return nil, nil
	}
	_, err := s.queries.BuildFileCopy(ctx, tx, &store.BuildFileCopyParams{BuildID: b.ID, ParentBuildID: from.parent.ID})
	if err != nil {
		return nil, err
	}
	rows, err := s.queries.BuildFileList(ctx, tx, &store.BuildFileListParams{BuildID: b.ID})
	if err != nil {
		return nil, err
	}
	purpose, told := purposes(from.plan), make([]*eventv1.BuildEvent, len(rows))
	for i, row := range rows {
		told[i] = &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FileChanged{FileChanged: &eventv1.FileChanged{
			Path:      row.Path,
			SizeBytes: row.SizeBytes,
			Sha256:    hex.EncodeToString(row.Digest),
			Purpose:   purpose[row.Path],
		}}}
	}
	return told, nil
}
