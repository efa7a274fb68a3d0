package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// retryAfterSeconds is what a client is asked to wait when the store is away.
const retryAfterSeconds = 5

// VersionFiles says which files a version has. Implementations are safe for
// concurrent use.
type VersionFiles interface {
	// VersionFile returns the digest of the file at path, which must be equal
	// to the stored one byte for byte. The error is [ErrNotFound] when there is
	// no such version, the version must not be shown, or it has no such file.
	// Every other error means that the store is away.
	VersionFile(ctx context.Context, version uuid.UUID, path string) (Digest, error)
}

// Options are what a [Handler] needs. All but Sites, Logger and FrameAncestors
// are required.
type Options struct {
	Versions VersionFiles
	Blobs    *Blobs
	// Sites resolves the projects' own addresses; nil means that there are none.
	Sites Sites
	// Domain is the parent of all preview hosts, such as "preview.localhost".
	Domain string
	// FrameAncestors are the origins whose pages may show a preview in a frame,
	// such as "http://127.0.0.1:8080". None means no page may.
	FrameAncestors []string
	// Logger receives what the store gets wrong; nil drops it.
	Logger *slog.Logger
}

// Handler serves the versions' files, each version under its own host, and each
// project's deployed version under the project's. It is meant for a listener of its
// own and is safe for concurrent use.
type Handler struct {
	versions VersionFiles
	sites    Sites
	shelf    *shelf
	domain   string
	policy   string
	log      *slog.Logger
}

// NewHandler returns a Handler, or [ErrConfig] with what is wrong.
func NewHandler(opts Options) (*Handler, error) {
	domain := strings.ToLower(strings.Trim(opts.Domain, "."))
	if opts.Versions == nil || opts.Blobs == nil || domain == "" {
		return nil, fmt.Errorf("%w: versions, blobs and domain are required", ErrConfig)
	}
	for _, origin := range opts.FrameAncestors {
		if !isOrigin(origin) {
			return nil, fmt.Errorf("%w: frame ancestor %q is not an origin", ErrConfig, origin)
		}
	}
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Handler{
		versions: opts.Versions,
		sites:    opts.Sites,
		shelf:    newShelf(opts.Blobs.Get),
		domain:   domain,
		policy:   contentSecurityPolicy(opts.FrameAncestors),
		log:      log,
	}, nil
}

// isOrigin says whether s is a scheme and a host and nothing else: a separator
// of the policy's grammar in it would let it say more than an origin.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.Scheme+"://"+u.Host == s && !strings.ContainsAny(s, " ;,'\"")
}

// ServeHTTP answers a GET or HEAD for a file of the version that the host names,
// or of the one that is deployed in the project that it names.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setIsolation(w.Header(), h.policy)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeText(w, r, http.StatusMethodNotAllowed)
		return
	}
	site, err := h.siteOf(r)
	if errors.Is(err, ErrLabel) || errors.Is(err, ErrNotFound) {
		writeText(w, r, http.StatusNotFound)
		return
	}
	var found bool
	if err == nil {
		found, err = h.serveFile(w, r, site)
	}
	if err == nil && !found {
		err = h.serveNotFound(w, r, site)
	}
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		h.log.ErrorContext(r.Context(), "preview file cannot be read",
			slog.String("version_id", site.version.String()), slog.Any("error", err))
	}
	w.Header().Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	writeText(w, r, http.StatusServiceUnavailable)
}

// serveFile writes the file that the request means, if the version has it. With
// an error, nothing has been written.
func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, site site) (found bool, err error) {
	for _, candidate := range sitepath.Candidates(r.URL.EscapedPath()) {
		digest, err := h.versions.VersionFile(r.Context(), site.version, candidate.Name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("look up file: %w", err)
		}
		if candidate.Redirect {
			redirectToFolder(w, r)
			return true, nil
		}
		if err := h.serveContent(w, r, candidate.Name, digest, site.fixed); err != nil {
			return false, err
		}
		return true, nil
	}
	return false, nil
}

// serveContent writes a file. The file table promises the blob: that it is not there
// is the store's fault, never a page that does not exist.
func (h *Handler) serveContent(w http.ResponseWriter, r *http.Request, name string, digest Digest, fixed bool) error {
	content, giveBack, err := h.shelf.take(r.Context(), digest)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	defer giveBack()
	setFile(w.Header(), name, fixed)
	w.Header().Set("ETag", `"`+digest.String()+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return nil
}

// serveNotFound answers with the site's own page for that, or else with the
// one that every unknown host gets.
func (h *Handler) serveNotFound(w http.ResponseWriter, r *http.Request, site site) error {
	digest, err := h.versions.VersionFile(r.Context(), site.version, sitepath.NotFound)
	if errors.Is(err, ErrNotFound) {
		writeText(w, r, http.StatusNotFound)
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up not-found page: %w", err)
	}
	content, giveBack, err := h.shelf.take(r.Context(), digest)
	if err != nil {
		return fmt.Errorf("read not-found page: %w", err)
	}
	defer giveBack()
	setFile(w.Header(), sitepath.NotFound, site.fixed)
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusNotFound, content)
	return nil
}

// redirectToFolder adds the final slash. The path has no empty segment, so the
// target begins with exactly one slash and cannot leave the origin.
func redirectToFolder(w http.ResponseWriter, r *http.Request) {
	target := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", target.RequestURI())
	writeText(w, r, http.StatusPermanentRedirect)
}
