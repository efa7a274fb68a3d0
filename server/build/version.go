package build

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/store"
)

// version returns a version of the caller, or [store.ErrNotFound].
func (s *Service) version(ctx context.Context, id uuid.UUID) (*store.Version, error) {
	return s.queries.VersionByID(ctx, s.db, &store.VersionByIDParams{ID: id, UserID: auth.Caller(ctx).UserID})
}

// GetVersion implements the RPC.
func (s *Service) GetVersion(ctx context.Context, req *buildv1.GetVersionRequest) (*buildv1.GetVersionResponse, error) {
	version, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return nil, err
	}
	return &buildv1.GetVersionResponse{Version: versionToProto(version, s.origin.URL(version.ID))}, nil
}

// RestoreVersion implements the RPC.
func (s *Service) RestoreVersion(ctx context.Context, req *buildv1.RestoreVersionRequest) (*buildv1.RestoreVersionResponse, error) {
	old, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return nil, err
	}
	call := newKeyedCall(ctx, "RestoreVersion", req.GetIdempotencyKey(), old.ID, "")
	id, err := s.once(ctx, call, old.ProjectID, func(tx pgx.Tx, project *store.Project) (uuid.UUID, error) {
		return s.restore(ctx, tx, project, old)
	})
	if err != nil {
		return nil, err
	}
	version, err := s.version(ctx, id)
	if err != nil {
		return nil, err
	}
	return &buildv1.RestoreVersionResponse{Version: versionToProto(version, s.origin.URL(version.ID))}, nil
}

// restore makes an old version's root and files the newest version of a project,
// which the caller has locked. A build that is not over would go on from another
// version than its user sees.
func (s *Service) restore(ctx context.Context, tx pgx.Tx, project *store.Project, old *store.Version) (uuid.UUID, error) {
	active, err := s.queries.BuildActiveOfProject(ctx, tx, &store.BuildActiveOfProjectParams{ProjectID: project.ID})
	if err == nil {
		return uuid.Nil, inProgress(active)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return uuid.Nil, err
	}
	number, err := s.queries.ProjectAddVersion(ctx, tx, &store.ProjectAddVersionParams{ID: project.ID})
	if err != nil {
		return uuid.Nil, err
	}
	restored, err := s.queries.VersionInsert(ctx, tx, &store.VersionInsertParams{
		ID:              newID(),
		ProjectID:       project.ID,
		Number:          number,
		Root:            old.Root,
		ParentVersionID: project.CurrentVersionID,
		Engine:          old.Engine,
		FileCount:       old.FileCount,
		SizeBytes:       old.SizeBytes,
		Interrupted:     old.Interrupted,
	})
	if err != nil {
		return uuid.Nil, err
	}
	_, err = s.queries.VersionFileInsertOfVersion(ctx, tx, &store.VersionFileInsertOfVersionParams{
		VersionID: restored.ID, FromVersionID: old.ID,
	})
	if err != nil {
		return uuid.Nil, err
	}
	return restored.ID, s.queries.VersionSetCurrent(ctx, tx, &store.VersionSetCurrentParams{
		ProjectID: project.ID, VersionID: &restored.ID,
	})
}

// versionFiles reads a version's files, ascending by the bytes of their paths
// whatever the database's collation is.
func (e *ender) versionFiles(ctx context.Context, version uuid.UUID) ([]*store.VersionFile, error) {
	rows, err := e.queries.VersionFileList(ctx, e.db, &store.VersionFileListParams{VersionID: version, PageSize: MaxFiles})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b *store.VersionFile) int { return strings.Compare(a.Path, b.Path) })
	return rows, nil
}

func fileToProto(f *store.VersionFile) *buildv1.File {
	return &buildv1.File{
		Path:        f.Path,
		SizeBytes:   f.SizeBytes,
		Sha256:      hex.EncodeToString(f.Digest),
		ContentType: contentType(f.Path),
	}
}
