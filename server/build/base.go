package build

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/store"
)

// loadBase reads the version that an update changes. That version is settled
// by the first attempt; a takeover goes on with the same.
func (r *run) loadBase(ctx context.Context) error {
	if r.req.Operation != engine.Update {
		return nil
	}
	base, err := r.w.queries.BuildSetBase(ctx, r.w.db, &store.BuildSetBaseParams{ID: r.build.ID, LeaseToken: r.build.LeaseToken})
	if errors.Is(err, store.ErrNotFound) {
		return errLeaseLost
	}
	if r.build.BaseVersionID = base; err != nil || base == nil {
		return err
	}
	rows, err := r.w.queries.VersionFileList(ctx, r.w.db, &store.VersionFileListParams{VersionID: *base, PageSize: MaxFiles})
	if err != nil {
		return err
	}
	r.req.Base = make([]engine.File, len(rows))
	for i, row := range rows {
		if r.req.Base[i], err = r.blobFile(ctx, row.Path, row.Digest); err != nil {
			return err
		}
	}
	return nil
}

// takeBase gives an update the files of its base that it leaves as they are, byte
// for byte. It comes after writing: until then a build's files are those that it
// wrote itself, which is what a takeover has to know.
func (r *run) takeBase(ctx context.Context) error {
	if r.build.BaseVersionID == nil {
		return nil
	}
	dropped := []string{}
	if r.plan != nil {
		dropped = append(dropped, r.plan.Dropped...)
	}
	_, err := r.w.queries.BuildFileInsertOfBase(ctx, r.w.db, &store.BuildFileInsertOfBaseParams{
		BuildID: r.build.ID, LeaseToken: r.build.LeaseToken, Dropped: dropped,
	})
	return err
}

// completeSite takes the base over after writing, and holds the whole site to the
// limits, of which the sink sees only what is written.
func (r *run) completeSite(ctx context.Context) error {
	if err := r.takeBase(ctx); err != nil || r.build.BaseVersionID == nil {
		return err
	}
	rows, err := r.files(ctx)
	if err != nil {
		return err
	}
	size := int64(0)
	for _, row := range rows {
		size += row.SizeBytes
	}
	if len(rows) > MaxFiles || size > MaxSiteBytes {
		return &failure{
			reason: ReasonLimitExceeded, class: ClassPlatform,
			err: fmt.Errorf("%w: with its base it has %d files, %d bytes", errSite, len(rows), size),
		}
	}
	return nil
}

// parentVersion is what the build's version follows: an update's base, else the
// project's current version; nil for a project's first.
func (r *run) parentVersion(ctx context.Context) (*uuid.UUID, error) {
	if r.build.BaseVersionID != nil {
		return r.build.BaseVersionID, nil
	}
	project, err := r.w.queries.ProjectByID(ctx, r.w.db, &store.ProjectByIDParams{ID: r.build.ProjectID, UserID: r.build.UserID})
	if err != nil {
		return nil, err
	}
	return project.CurrentVersionID, nil
}
