package build

import (
	"bytes"
	"context"
	"encoding/hex"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/store"
)

// CompareVersions implements the RPC.
func (s *Service) CompareVersions(ctx context.Context, req *buildv1.CompareVersionsRequest) (*buildv1.CompareVersionsResponse, error) {
	var files [2][]*store.VersionFile
	for i, id := range []string{req.GetVersionId(), req.GetBaseVersionId()} {
		version, err := s.version(ctx, parseID(id))
		if err != nil {
			return nil, err
		}
		if files[i], err = s.versionFiles(ctx, version.ID); err != nil {
			return nil, err
		}
	}
	return compareFiles(files[0], files[1]), nil
}

// compareFiles says how files differ from base; both are ascending by path.
func compareFiles(files, base []*store.VersionFile) *buildv1.CompareVersionsResponse {
	res := &buildv1.CompareVersionsResponse{}
	for len(files) > 0 || len(base) > 0 {
		switch {
		case len(base) == 0 || len(files) > 0 && files[0].Path < base[0].Path:
			res.Added = append(res.Added, fileToProto(files[0]))
			files = files[1:]
			continue
		case len(files) == 0 || base[0].Path < files[0].Path:
			res.Removed = append(res.Removed, fileToProto(base[0]))
			base = base[1:]
			continue
		case bytes.Equal(files[0].Digest, base[0].Digest):
			res.UnchangedCount++
		default:
			res.Changed = append(res.Changed, &buildv1.ChangedFile{
				File:          fileToProto(files[0]),
				BaseSizeBytes: base[0].SizeBytes,
				BaseSha256:    hex.EncodeToString(base[0].Digest),
			})
		}
		files, base = files[1:], base[1:]
	}
	return res
}
