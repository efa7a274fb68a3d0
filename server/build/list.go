package build

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
)

// The page sizes that 0 stands for.
const (
	defaultPage  = 50
	defaultFiles = MaxFiles
)

func pageSize(asked, byDefault int32) int32 {
	if asked == 0 {
		return byDefault
	}
	return asked
}

// before returns the id that a page begins below: the highest there is for the
// first page.
func before(codec *token.Codec, pageToken string, bound ...string) (uuid.UUID, error) {
	last, err := codec.OpenPage(pageToken, bound...)
	if err != nil || (last != nil && len(last) != len(uuid.UUID{})) {
		return uuid.Nil, fault.PageTokenInvalid()
	}
	if last == nil {
		return uuid.Max, nil
	}
	return uuid.UUID(last), nil
}

// cutPage drops the row that was read beyond a page and seals where the next one
// begins; the token is empty on the last page.
func cutPage[R any](codec *token.Codec, rows []R, size int32, key func(R) []byte, bound []string) (page []R, next string) {
	if len(rows) <= int(size) {
		return rows, ""
	}
	page = rows[:size]
	return page, codec.SealPage(key(page[size-1]), bound...)
}

// ListBuilds implements the RPC.
func (s *Service) ListBuilds(ctx context.Context, req *buildv1.ListBuildsRequest) (*buildv1.ListBuildsResponse, error) {
	userID := auth.Caller(ctx).UserID
	bound := []string{"builds", userID.String(), req.GetProjectId(), strconv.FormatBool(req.GetActiveOnly()), req.GetLocale()}
	below, err := before(s.tokens, req.GetPageToken(), bound...)
	if err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize(), defaultPage)
	params := &store.BuildListParams{UserID: userID, BeforeID: below, ActiveOnly: req.GetActiveOnly(), PageSize: size + 1}
	if req.GetProjectId() != "" {
		id := parseID(req.GetProjectId())
		if _, err := s.queries.ProjectByID(ctx, s.db, &store.ProjectByIDParams{ID: id, UserID: userID}); err != nil {
			return nil, err
		}
		params.ProjectID = &id
	}
	rows, err := s.queries.BuildList(ctx, s.db, params)
	if err != nil {
		return nil, err
	}
	res := &buildv1.ListBuildsResponse{}
	rows, res.NextPageToken = cutPage(s.tokens, rows, size, func(b *store.Build) []byte { return b.ID[:] }, bound)
	for _, row := range rows {
		res.Builds = append(res.Builds, s.buildToProto(row))
	}
	readBuilds(ctx, req.GetLocale(), res.GetBuilds())
	return res, nil
}

// readBuilds words what a list of builds says in the locale that was asked for. Each
// is in its own without one, and the response then tells all of these.
func readBuilds(ctx context.Context, asked string, builds []*buildv1.Build) {
	if asked != "" {
		reading := locale.Read(asked, "")
		for _, b := range builds {
			event.RewordError(b.GetError(), reading.Tag)
		}
		reading.Tell(ctx)
		return
	}
	tags := make(map[string]bool)
	for _, b := range builds {
		tags[b.GetLocale()] = true
	}
	locale.TellAll(ctx, slices.Sorted(maps.Keys(tags)))
}

// ListVersions implements the RPC.
func (s *Service) ListVersions(ctx context.Context, req *buildv1.ListVersionsRequest) (*buildv1.ListVersionsResponse, error) {
	userID, projectID := auth.Caller(ctx).UserID, parseID(req.GetProjectId())
	bound := []string{"versions", userID.String(), req.GetProjectId()}
	below, err := before(s.tokens, req.GetPageToken(), bound...)
	if err != nil {
		return nil, err
	}
	if _, err := s.queries.ProjectByID(ctx, s.db, &store.ProjectByIDParams{ID: projectID, UserID: userID}); err != nil {
		return nil, err
	}
	size := pageSize(req.GetPageSize(), defaultPage)
	rows, err := s.queries.VersionList(ctx, s.db, &store.VersionListParams{
		ProjectID: projectID, UserID: userID, BeforeID: below, PageSize: size + 1,
	})
	if err != nil {
		return nil, err
	}
	res := &buildv1.ListVersionsResponse{}
	rows, res.NextPageToken = cutPage(s.tokens, rows, size, func(v *store.Version) []byte { return v.ID[:] }, bound)
	for _, row := range rows {
		res.Versions = append(res.Versions, versionToProto(row, s.origin.URL(row.ID)))
	}
	return res, nil
}
