package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/servertest"
)

// built is a project with some finished builds, in the order in which they were
// started.
func built(t *testing.T, c *servertest.Clients, n int) (projectID string, builds []string) {
	t.Helper()
	for range n {
		started, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{ProjectId: projectID, Prompt: "A café in Lyon"})
		if err != nil {
			t.Fatal(err)
		}
		projectID = started.GetBuild().GetProjectId()
		builds = append(builds, started.GetBuild().GetId())
		watch(t, c, started.GetBuild().GetId())
	}
	return projectID, builds
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	project, builds := built(t, user, 5)
	slices.Reverse(builds) // The newest comes first.

	var listed, versions []string
	for token, page := "", 0; page == 0 || token != ""; page++ {
		res, err := user.Builds.ListBuilds(t.Context(), &buildv1.ListBuildsRequest{ProjectId: project, PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, build := range res.GetBuilds() {
			listed = append(listed, build.GetId())
		}
		token = res.GetNextPageToken()
	}
	if !slices.Equal(listed, builds) {
		t.Errorf("builds %v, want %v", listed, builds)
	}
	for token, page := "", 0; page == 0 || token != ""; page++ {
		res, err := user.Builds.ListVersions(t.Context(), &buildv1.ListVersionsRequest{ProjectId: project, PageSize: 3, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range res.GetVersions() {
			versions = append(versions, version.GetBuildId())
			if want := int32(len(builds) - len(versions) + 1); version.GetNumber() != want {
				t.Errorf("version %d, want %d", version.GetNumber(), want)
			}
		}
		token = res.GetNextPageToken()
	}
	if !slices.Equal(versions, builds) {
		t.Errorf("versions of %v, want %v", versions, builds)
	}
	active, err := user.Builds.ListBuilds(t.Context(), &buildv1.ListBuildsRequest{ActiveOnly: true})
	if err != nil || len(active.GetBuilds()) != 0 {
		t.Errorf("active: %v, %v", active, err)
	}
}

// A page token is of one request, one user and one list.
func TestPageTokensAreBound(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user, other := b.User(t), b.User(t)
	project, _ := built(t, user, 2)
	first, err := user.Builds.ListBuilds(t.Context(), &buildv1.ListBuildsRequest{ProjectId: project, PageSize: 1})
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatal(first, err)
	}
	token := first.GetNextPageToken()
	list := func(c *servertest.Clients, req *buildv1.ListBuildsRequest) error {
		_, err := c.Builds.ListBuilds(t.Context(), req)
		return err
	}
	_, versionsErr := user.Builds.ListVersions(t.Context(), &buildv1.ListVersionsRequest{ProjectId: project, PageToken: token})
	for name, err := range map[string]error{
		"other filter":  list(user, &buildv1.ListBuildsRequest{ProjectId: project, ActiveOnly: true, PageToken: token}),
		"other project": list(user, &buildv1.ListBuildsRequest{PageToken: token}),
		"other user":    list(other, &buildv1.ListBuildsRequest{ProjectId: project, PageToken: token}),
		"damaged":       list(user, &buildv1.ListBuildsRequest{ProjectId: project, PageToken: token[1:]}),
		"other list":    versionsErr,
	} {
		if wire, ok := errors.AsType[*connect.Error](err); !ok || wire.Code() != connect.CodeInvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := list(user, &buildv1.ListBuildsRequest{ProjectId: uuid.NewString()}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("a project that does not exist: %v", err)
	}
}

// What ListFiles and GetFile give is what the preview serves.
func TestFilesOfAVersion(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	_, builds := built(t, user, 1)
	got, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: builds[0]})
	if err != nil {
		t.Fatal(err)
	}
	version := got.GetBuild().GetVersionId()
	var paths []string
	for token, page := "", 0; page == 0 || token != ""; page++ {
		res, err := user.Builds.ListFiles(t.Context(), &buildv1.ListFilesRequest{VersionId: version, PageSize: 4, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range res.GetFiles() {
			paths = append(paths, file.GetPath())
			content, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{VersionId: version, Path: file.GetPath()})
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content.GetContent())
			if hex.EncodeToString(sum[:]) != file.GetSha256() || content.GetSha256() != file.GetSha256() ||
				int64(len(content.GetContent())) != file.GetSizeBytes() || content.GetContentType() != file.GetContentType() {
				t.Errorf("%s is listed as %v", file.GetPath(), file)
			}
		}
		token = res.GetNextPageToken()
	}
	if !slices.IsSorted(paths) || !slices.Contains(paths, "index.html") || len(slices.Compact(slices.Clone(paths))) != len(paths) {
		t.Errorf("listed %v", paths)
	}
	index, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{VersionId: version, Path: "index.html"})
	if err != nil || string(index.GetContent()) != fetch(t, b.Preview, got.GetBuild().GetPreviewUrl()) {
		t.Errorf("the preview serves something else (%v)", err)
	}
	for _, path := range []string{"none.html", "../index.html", "/index.html", "index.html\x00"} {
		if _, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{VersionId: version, Path: path}); connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("%q: %v", path, err)
		}
	}
}
