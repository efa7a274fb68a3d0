package build

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
)

// deploySite makes the version, which is online from then on, and asks for its
// index: the site passed its tests, so only the platform can still be at fault.
func (r *run) deploySite(ctx context.Context) error {
	version, err := r.makeVersion(ctx, false)
	if err != nil {
		return err
	}
	crash.Point(crash.VersionMade)
	url := r.w.origin.URL(version.ID)
	if err := r.out.emit(ctx, r.at(stepPreview, nil), r.at(stepProbe, nil)); err != nil {
		return err
	}
	if err := r.w.probe(ctx, url); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &failure{reason: ReasonDeployFailed, class: ClassPlatform, retryable: true, err: err}
	}
	crash.Point(crash.Probed)
	return nil
}

// makeVersion freezes what the build has written, unless an earlier attempt has.
func (r *run) makeVersion(ctx context.Context, interrupted bool) (*store.Version, error) {
	if err := r.out.flush(ctx); err != nil {
		return nil, err
	}
	version, err := r.w.queries.VersionByBuild(ctx, r.w.db, &store.VersionByBuildParams{BuildID: &r.build.ID})
	if !errors.Is(err, store.ErrNotFound) {
		return version, err
	}
	params, err := r.versionParams(ctx, interrupted)
	if err != nil {
		return nil, err
	}
	err = r.out.commit(ctx, func(tx pgx.Tx) ([]*eventv1.BuildEvent, error) {
		if version, err = r.insertVersion(ctx, tx, params); err != nil {
			return nil, err
		}
		crash.Point(crash.VersionMaking)
		return []*eventv1.BuildEvent{
			r.at(stepVersion, locale.Args{"count": version.FileCount}),
			versionCreated(versionToProto(version, r.w.origin.URL(version.ID))),
		}, nil
	})
	return version, err
}

func (r *run) versionParams(ctx context.Context, interrupted bool) (*store.VersionInsertParams, error) {
	rows, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	manifest := preview.Manifest{Prompt: r.build.Prompt, Engine: r.w.engine.Name()}
	params := &store.VersionInsertParams{
		ID:          newID(),
		ProjectID:   r.build.ProjectID,
		BuildID:     &r.build.ID,
		Engine:      r.w.engine.Name(),
		FileCount:   int32(len(rows)), //nolint:gosec // at most MaxFiles
		Interrupted: interrupted,
	}
	manifest.Files = entries(rows)
	for _, row := range rows {
		params.SizeBytes += row.SizeBytes
	}
	if params.ParentVersionID, err = r.parentVersion(ctx); err != nil {
		return nil, err
	}
	if params.ParentVersionID != nil {
		parent, err := r.w.queries.VersionByID(ctx, r.w.db, &store.VersionByIDParams{ID: *params.ParentVersionID, UserID: r.build.UserID})
		if err != nil {
			return nil, err
		}
		manifest.Parent = preview.Digest(parent.Root)
	}
	root := preview.Root(manifest)
	params.Root = root[:]
	return params, nil
}

func entries(rows []*store.BuildFile) []preview.FileEntry {
	files := make([]preview.FileEntry, len(rows))
	for i, row := range rows {
		files[i] = preview.FileEntry{Path: row.Path, Digest: preview.Digest(row.Digest), Size: row.SizeBytes}
	}
	return files
}

// insertVersion stores a version. It locks the project, then the build.
func (r *run) insertVersion(ctx context.Context, tx pgx.Tx, params *store.VersionInsertParams) (*store.Version, error) {
	number, err := r.w.queries.ProjectAddVersion(ctx, tx, &store.ProjectAddVersionParams{ID: r.build.ProjectID})
	if err != nil {
		return nil, err
	}
	n, err := r.w.queries.BuildSetVersion(ctx, tx, &store.BuildSetVersionParams{
		ID: r.build.ID, LeaseToken: r.build.LeaseToken, VersionID: &params.ID,
	})
	if err == nil && n == 0 {
		err = errLeaseLost
	}
	if err != nil {
		return nil, err
	}
	params.Number = number
	version, err := r.w.queries.VersionInsert(ctx, tx, params)
	if err != nil {
		return nil, err
	}
	_, err = r.w.queries.VersionFileInsertOfBuild(ctx, tx, &store.VersionFileInsertOfBuildParams{VersionID: version.ID, BuildID: r.build.ID})
	return version, err
}

// complete ends a build that passed. A cancel that was acknowledged before comes first.
func (r *run) complete(ctx context.Context) error {
	version, err := r.w.queries.VersionByBuild(ctx, r.w.db, &store.VersionByBuildParams{BuildID: &r.build.ID})
	if err != nil {
		return fmt.Errorf("read the version: %w", err)
	}
	_, err = r.w.end(ctx, r.build, ending{state: Complete, version: version, title: r.plan.Title},
		previewReady(r.w.origin.URL(version.ID), version.ID.String()))
	if errors.Is(err, errTransition) && r.cancelRequested(ctx) {
		return errCancelled
	}
	return err
}

// cancelRequested reports whether the run still has its build, which the user
// wants to stop.
func (r *run) cancelRequested(ctx context.Context) bool {
	b, err := r.w.queries.BuildByID(ctx, r.w.db, &store.BuildByIDParams{ID: r.build.ID, UserID: r.build.UserID})
	return err == nil && b.CancelRequestTime != nil && b.LeaseToken == r.build.LeaseToken && b.State == r.build.State
}

// keepInterrupted keeps what a build has finished that stops early; nil if nothing.
func (r *run) keepInterrupted(ctx context.Context) (*store.Version, error) {
	rows, err := r.files(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if r.plan == nil {
		// A run that found the wish to stop has not read what the last one planned.
		if err := r.loadPlan(ctx); err != nil {
			return nil, err
		}
	}
	if err := r.takeBase(ctx); err != nil {
		return nil, err
	}
	return r.makeVersion(ctx, true)
}
