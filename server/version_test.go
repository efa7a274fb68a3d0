package server_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

// export reads a version's archive, and the error that ended the stream.
func export(ctx context.Context, t *testing.T, client buildv1connect.BuildServiceClient, version string) ([]byte, error) {
	t.Helper()
	stream, err := client.ExportVersion(ctx, &buildv1.ExportVersionRequest{VersionId: version})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	var archive bytes.Buffer
	for stream.Receive() {
		chunk := stream.Msg().GetChunk()
		if len(chunk) == 0 || len(chunk) > 64<<10 {
			t.Errorf("a chunk of %d bytes", len(chunk))
		}
		archive.Write(chunk)
	}
	return archive.Bytes(), stream.Err()
}

// unzip reads an archive, whose sums it checks.
func unzip(t *testing.T, archive []byte) (names []string, files map[string]string) {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, f := range reader.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if y := f.Modified.Year(); y != 1980 || f.Mode().Perm() != 0o644 {
			t.Errorf("%s is of %d and has the mode %v", f.Name, y, f.Mode())
		}
		names, files[f.Name] = append(names, f.Name), string(data)
	}
	return names, files
}

// The archive has the version's files, byte for byte, whatever protocol brings
// it, and is always the same one.
func TestExportVersion(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	project, _ := built(t, user, 1)
	version := currentVersion(t, user, project)
	http1 := &http.Transport{}
	t.Cleanup(http1.CloseIdleConnections)
	over := func(transport http.RoundTripper, opts ...connect.ClientOption) buildv1connect.BuildServiceClient {
		return buildv1connect.NewBuildServiceClient(&http.Client{Transport: signed{user.Token, transport}}, b.URL(), opts...)
	}
	archive, err := export(t.Context(), t, user.Builds, version)
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]buildv1connect.BuildServiceClient{
		"again":         user.Builds,
		"gRPC":          over(servertest.Transport(t), connect.WithGRPC()),
		"HTTP/1.1":      over(http1),
		"HTTP/1.1 JSON": over(http1, connect.WithProtoJSON()),
	} {
		if got, err := export(t.Context(), t, client, version); err != nil || !bytes.Equal(got, archive) {
			t.Errorf("%s: %d bytes, want the same %d, %v", name, len(got), len(archive), err)
		}
	}
	names, files := unzip(t, archive)
	if !slices.IsSorted(names) {
		t.Errorf("in the order %v", names)
	}
	listed, err := user.Builds.ListFiles(t.Context(), &buildv1.ListFilesRequest{VersionId: version})
	if err != nil || len(listed.GetFiles()) != len(files) || len(names) != len(files) {
		t.Fatalf("%d files in the archive, %d listed, %v", len(names), len(listed.GetFiles()), err)
	}
	for _, file := range listed.GetFiles() {
		got, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{VersionId: version, Path: file.GetPath()})
		if err != nil || string(got.GetContent()) != files[file.GetPath()] {
			t.Errorf("%s is another in the archive, %v", file.GetPath(), err)
		}
	}
	// A restored version is the same site.
	restored, err := user.Builds.RestoreVersion(t.Context(), &buildv1.RestoreVersionRequest{VersionId: version, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := export(t.Context(), t, user.Builds, restored.GetVersion().GetId()); err != nil || !bytes.Equal(got, archive) {
		t.Errorf("restored: %d bytes, want the same %d, %v", len(got), len(archive), err)
	}
	if files["index.html"] != fetch(t, b.Preview, restored.GetVersion().GetPreviewUrl()) {
		t.Error("the restored version's preview shows something else")
	}
	if _, err := export(t.Context(), t, b.User(t).Builds, version); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("another user's export: %v", err)
	}
}

func currentVersion(t *testing.T, user *servertest.Clients, project string) string {
	t.Helper()
	res, err := user.Builds.GetProject(t.Context(), &buildv1.GetProjectRequest{ProjectId: project})
	if err != nil || res.GetProject().GetCurrentVersionId() == "" {
		t.Fatal(res, err)
	}
	return res.GetProject().GetCurrentVersionId()
}

// storedSite is a version of a user whose files were put there by hand.
type storedSite struct {
	*servertest.Bundle
	user    *servertest.Clients
	dataDir string
	version string
	digests []preview.Digest
}

// storeSite makes a version of some files of random bytes.
func storeSite(t *testing.T, files, size int) *storedSite {
	t.Helper()
	s := &storedSite{dataDir: t.TempDir(), version: uuid.NewString()}
	s.Bundle = servertest.Start(t, func(c *server.Config) { c.DataDir, c.Roles.Worker = s.dataDir, false })
	s.user = s.User(t)
	blobs, err := preview.OpenBlobs(filepath.Join(s.dataDir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	db, err := store.Open(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	project := uuid.NewString()
	exec("INSERT INTO projects (id, user_id) VALUES ($1, $2)", project, s.user.UserID)
	exec(`INSERT INTO versions (id, project_id, number, root, engine, file_count, size_bytes)
		VALUES ($1, $2, 1, sha256('x'), 'test', $3, $4)`, s.version, project, files, files*size)
	content, random := make([]byte, size), rand.NewChaCha8([32]byte{})
	for i := range files {
		_, _ = random.Read(content)
		digest, err := blobs.Put(t.Context(), content)
		if err != nil {
			t.Fatal(err)
		}
		s.digests = append(s.digests, digest)
		exec("INSERT INTO version_files (version_id, path, digest, size_bytes) VALUES ($1, $2, $3, $4)",
			s.version, fmt.Sprintf("é/%03d.bin", i), digest[:], size)
	}
	return s
}

// The largest site goes out with one of its files in memory, and a client that
// no longer listens ends it. Nothing else runs while memory is measured.
func TestExportIsBounded(t *testing.T) { //nolint:paralleltest // measures memory
	const files, size, bound = 20, 1 << 20, 12 << 20
	s := storeSite(t, files, size)
	live := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // Pools let go at the second one.
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	mustExport(t, s) // What is kept for the next call counts for none.
	before := live()
	stream, err := s.user.Builds.ExportVersion(t.Context(), &buildv1.ExportVersionRequest{VersionId: s.version})
	if err != nil {
		t.Fatal(err)
	}
	most := math.MinInt
	var got, measured int
	for stream.Receive() {
		if got += len(stream.Msg().GetChunk()); got > measured+size {
			measured = got
			most = max(most, int(live())-int(before))
		}
	}
	if err := stream.Err(); err != nil || got < files*size {
		t.Fatalf("%d bytes, %v", got, err)
	}
	if most > bound {
		t.Errorf("%d bytes were in memory, want %d at most", most, bound)
	}
	t.Logf("%d bytes came, %d were in memory", got, most)

	for name, protocol := range map[string]http.RoundTripper{"h2c": servertest.Transport(t), "HTTP/1.1": &http.Transport{DisableKeepAlives: true}} {
		client := buildv1connect.NewBuildServiceClient(&http.Client{Transport: signed{s.user.Token, protocol}}, s.URL())
		ctx, leave := context.WithCancel(t.Context())
		stream, err := client.ExportVersion(ctx, &buildv1.ExportVersionRequest{VersionId: s.version})
		if err != nil || !stream.Receive() {
			t.Fatal(err)
		}
		if !exporting() {
			t.Errorf("%s: nothing is being exported", name)
		}
		leave()
		for deadline := time.Now().Add(10 * time.Second); exporting(); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: goes on though nobody listens", name)
			}
		}
		_ = stream.Close()
	}
}

// exporting reports whether an export is under way in this process.
func exporting() bool {
	stacks := make([]byte, 4<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "build.(*Service).ExportVersion(")
}

// An archive that is not whole never looks like one.
func TestExportWithoutABlob(t *testing.T) {
	t.Parallel()
	s := storeSite(t, 3, 100<<10)
	names, _ := unzip(t, mustExport(t, s))
	if !slices.Equal(names, []string{"é/000.bin", "é/001.bin", "é/002.bin"}) {
		t.Errorf("names %q", names)
	}
	digest := s.digests[2].String()
	if err := os.Remove(filepath.Join(s.dataDir, "blobs", digest[:2], digest[2:4], digest)); err != nil {
		t.Fatal(err)
	}
	archive, err := export(t.Context(), t, s.user.Builds, s.version)
	if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), digest) || len(archive) == 0 {
		t.Errorf("%d bytes, %v", len(archive), err)
	}
	if _, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive))); err == nil {
		t.Error("the part is an archive")
	}
	// A store that is away says so: the same may work later.
	folder := filepath.Join(s.dataDir, "blobs")
	if err := errors.Join(os.Rename(folder, folder+".away"), os.WriteFile(folder, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := export(t.Context(), t, s.user.Builds, s.version); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("without its store: %v", err)
	}
}

func mustExport(t *testing.T, s *storedSite) []byte {
	t.Helper()
	archive, err := export(t.Context(), t, s.user.Builds, s.version)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// A project's own address shows what was deployed last, whoever asks.
func TestDeployedSiteIsServed(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t)
	project, _ := built(t, user, 1)
	version := currentVersion(t, user, project)
	deployed, err := user.Builds.DeployVersion(t.Context(), &buildv1.DeployVersionRequest{VersionId: version, IdempotencyKey: "k"})
	if err != nil || deployed.GetDeployment().GetState() != buildv1.DeploymentState_DEPLOYMENT_STATE_DEPLOYED {
		t.Fatal(deployed, err)
	}
	index, err := user.Builds.GetFile(t.Context(), &buildv1.GetFileRequest{VersionId: version, Path: "index.html"})
	if err != nil || fetch(t, b.Preview, deployed.GetDeployment().GetUrl()) != string(index.GetContent()) {
		t.Errorf("the site shows something else (%v)", err)
	}
}

// The whole way of a deployment on another target: the call, the job, the tool.
func TestDeployOnCloudflarePages(t *testing.T) {
	t.Parallel()
	tool, err := filepath.Abs(filepath.Join("preview", "deploy", "testdata", "wrangler"))
	if err != nil {
		t.Fatal(err)
	}
	report := t.TempDir()
	for name, content := range map[string]string{"output": "✨ Deployment complete! Take a peek over at https://4f10cf4f.sites.pages.dev\n", "exit": "0"} {
		if err := os.WriteFile(filepath.Join(report, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := servertest.Start(t, func(c *server.Config) {
		c.DeployTargets = []string{"local", "cloudflare-pages"}
		c.CloudflareProject, c.CloudflareAccountID, c.Wrangler = "sites", report, tool
	})
	user := b.User(t)
	project, _ := built(t, user, 1)
	version := currentVersion(t, user, project)
	asked, err := user.Builds.DeployVersion(t.Context(), &buildv1.DeployVersionRequest{
		VersionId: version, Target: "cloudflare-pages", IdempotencyKey: "k",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := asked.GetDeployment()
	for deadline := time.Now().Add(30 * time.Second); got.GetState() == buildv1.DeploymentState_DEPLOYMENT_STATE_PENDING; {
		if time.Now().After(deadline) {
			t.Fatalf("never over: %v", got)
		}
		res, err := user.Builds.GetDeployment(t.Context(), &buildv1.GetDeploymentRequest{DeploymentId: got.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		got = res.GetDeployment()
	}
	if got.GetUrl() != "https://4f10cf4f.sites.pages.dev/" || got.GetState() != buildv1.DeploymentState_DEPLOYMENT_STATE_DEPLOYED {
		t.Errorf("deployment %v", got)
	}
	args, err := os.ReadFile(filepath.Join(report, "args"))
	if err != nil || !strings.Contains(string(args), "--commit-hash="+got.GetRoot()[:40]+"\n") {
		t.Errorf("arguments %q, %v", args, err)
	}
	if _, err := os.Stat(filepath.Join(report, "site", "index.html")); err != nil {
		t.Error(err)
	}
}
