package preview_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gocloud.dev/blob/memblob"

	"github.com/sheenapps/sheen/server/preview"
)

// deployed is a Sites over a map: the real one is a query.
type deployed struct {
	versions map[uuid.UUID]uuid.UUID
	err      error
}

func (d *deployed) DeployedVersion(_ context.Context, project uuid.UUID) (uuid.UUID, error) {
	if d.err != nil {
		return uuid.UUID{}, d.err
	}
	version, ok := d.versions[project]
	if !ok {
		return uuid.UUID{}, preview.ErrNotFound
	}
	return version, nil
}

func TestSiteLabel(t *testing.T) {
	t.Parallel()
	project := uuid.MustParse("018f2d3c-4b5a-7c6d-8e9f-a0b1c2d3e4f5")
	const want = "paghs2pcllj6g3du7ucy4fu7e6u"
	if got := preview.SiteLabel(project); got != want || len(got) > 28 {
		t.Errorf("SiteLabel = %s, want %s", got, want)
	}
	if got, err := preview.ParseSiteLabel(want); err != nil || got != project {
		t.Errorf("ParseSiteLabel = %s, %v", got, err)
	}
	if got := (preview.Origin{Scheme: "https", Domain: "sites.example"}).SiteURL(project); got != "https://"+want+".sites.example/" {
		t.Errorf("SiteURL = %s", got)
	}
	// A label is of one kind only.
	if _, err := preview.ParseLabel(want); !errors.Is(err, preview.ErrLabel) {
		t.Errorf("a project's label is a version's: %v", err)
	}
	for _, label := range []string{"", "p", want[1:], want + "a", "q" + want[1:], strings.ToUpper(want), "p" + want, want[:26] + "v"} {
		if got, err := preview.ParseSiteLabel(label); !errors.Is(err, preview.ErrLabel) {
			t.Errorf("ParseSiteLabel(%q) = %s, %v, want ErrLabel", label, got, err)
		}
	}
}

// A project's own address shows one version, then another, and nothing of it is
// kept for long.
func TestSiteServesTheDeployedVersion(t *testing.T) {
	t.Parallel()
	project, first, second := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	blobs := preview.NewBlobs(memblob.OpenBucket(nil))
	files := &siteFiles{versions: map[uuid.UUID]map[string]preview.Digest{}}
	for version, content := range map[uuid.UUID]string{first: "one", second: "two"} {
		files.versions[version] = map[string]preview.Digest{}
		for _, path := range []string{"index.html", "style.css"} {
			digest, err := blobs.Put(t.Context(), []byte(content+" "+path))
			if err != nil {
				t.Fatal(err)
			}
			files.versions[version][path] = digest
		}
	}
	sites := &deployed{versions: map[uuid.UUID]uuid.UUID{}}
	handler, err := preview.NewHandler(preview.Options{Versions: files, Sites: sites, Blobs: blobs, Domain: domain})
	if err != nil {
		t.Fatal(err)
	}
	get := func(label, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Host = label + "." + domain + ":8081"
		handler.ServeHTTP(w, r)
		return w
	}
	site := preview.SiteLabel(project)
	unknown := get("www", "/")
	if w := get(site, "/"); w.Code != 404 || w.Body.String() != unknown.Body.String() {
		t.Errorf("nothing is deployed: %d %q", w.Code, w.Body)
	}
	for _, shown := range []struct {
		version uuid.UUID
		want    string
	}{{first, "one"}, {second, "two"}} {
		sites.versions[project] = shown.version
		for _, path := range []string{"/", "/style.css"} {
			w := get(site, path)
			if w.Code != 200 || !strings.HasPrefix(w.Body.String(), shown.want) {
				t.Errorf("%s: %d %q, want %s", path, w.Code, w.Body, shown.want)
			}
			if cache := w.Header().Get("Cache-Control"); cache != "public, max-age=0, must-revalidate" {
				t.Errorf("%s may be kept: %s", path, cache)
			}
		}
	}
	if cache := get(preview.Label(first), "/style.css").Header().Get("Cache-Control"); !strings.Contains(cache, "immutable") {
		t.Errorf("a version's file may not be kept: %s", cache)
	}
	sites.err = errors.New("away")
	if w := get(site, "/"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the store is away: %d", w.Code)
	}
	without, err := preview.NewHandler(preview.Options{Versions: files, Blobs: blobs, Domain: domain})
	if err != nil {
		t.Fatal(err)
	}
	handler = without
	if w := get(site, "/"); w.Code != 404 {
		t.Errorf("a server without sites: %d", w.Code)
	}
}
