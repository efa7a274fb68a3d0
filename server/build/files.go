package build

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
	"github.com/sheenapps/sheen/server/preview/sitepath"
	"github.com/sheenapps/sheen/store"
)

// ListFiles implements the RPC.
func (s *Service) ListFiles(ctx context.Context, req *buildv1.ListFilesRequest) (*buildv1.ListFilesResponse, error) {
	version, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return nil, err
	}
	bound := []string{"files", version.ID.String()}
	after, err := s.tokens.OpenPage(req.GetPageToken(), bound...)
	if err != nil {
		return nil, fault.PageTokenInvalid()
	}
	size := pageSize(req.GetPageSize(), defaultFiles)
	rows, err := s.queries.VersionFileList(ctx, s.db, &store.VersionFileListParams{
		VersionID: version.ID, AfterPath: string(after), PageSize: size + 1,
	})
	if err != nil {
		return nil, err
	}
	res := &buildv1.ListFilesResponse{}
	rows, res.NextPageToken = cutPage(s.tokens, rows, size, func(f *store.VersionFile) []byte { return []byte(f.Path) }, bound)
	for _, row := range rows {
		res.Files = append(res.Files, fileToProto(row))
	}
	return res, nil
}

// GetFile implements the RPC.
func (s *Service) GetFile(ctx context.Context, req *buildv1.GetFileRequest) (*buildv1.GetFileResponse, error) {
	version, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return nil, err
	}
	path, err := engine.CleanPath(req.GetPath())
	if err != nil {
		return nil, store.ErrNotFound // No version has such a file, and Postgres takes no NUL.
	}
	row, err := s.queries.VersionFileByPath(ctx, s.db, &store.VersionFileByPathParams{VersionID: version.ID, Path: path})
	if err != nil {
		return nil, err
	}
	content, err := s.blobs.Get(ctx, preview.Digest(row.Digest))
	if err != nil {
		return nil, blobFault(err)
	}
	return &buildv1.GetFileResponse{
		Content:     content,
		ContentType: contentType(row.Path),
		Sha256:      hex.EncodeToString(row.Digest),
	}, nil
}

// contentType is the media type that the preview server gives a file.
func contentType(path string) string {
	name, _ := sitepath.ContentType(path)
	return name
}

// Versions tells the preview server which files a version has. A version's host
// name is the permission to see it.
type Versions struct {
	db      *store.DB
	queries *store.Queries
}

// NewVersions reads from a store.
func NewVersions(db *store.DB) *Versions { return &Versions{db: db, queries: store.New()} }

// VersionFile implements [preview.VersionFiles].
func (v *Versions) VersionFile(ctx context.Context, version uuid.UUID, path string) (preview.Digest, error) {
	row, err := v.queries.VersionFileByPath(ctx, v.db, &store.VersionFileByPathParams{VersionID: version, Path: path})
	if err != nil {
		return preview.Digest{}, notFoundInPreview(err)
	}
	return preview.Digest(row.Digest), nil
}

// DeployedVersion implements [preview.Sites].
func (v *Versions) DeployedVersion(ctx context.Context, project uuid.UUID) (uuid.UUID, error) {
	version, err := v.queries.DeployedVersion(ctx, v.db, &store.DeployedVersionParams{ProjectID: project, Target: deploy.LocalName})
	return version, notFoundInPreview(err)
}

// notFoundInPreview says in the preview's words that a row is missing.
func notFoundInPreview(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return preview.ErrNotFound
	}
	return err
}
