package preview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/preview/sitecheck"
	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// candidateDomain is the parent of the hosts of sites that are no versions yet.
// Browsers resolve it to this machine, and nobody else ever asks for it.
const candidateDomain = "candidate.localhost"

// Browse opens pages of a site in a browser and returns what went wrong. base
// is the address of the site's index and address the host:port that serves it.
// An error says that there was no browser to be had, which tells nothing of the
// site.
type Browse func(ctx context.Context, base, address string, pages []string) ([]sitecheck.Failure, error)

// Visitor visits sites before they become versions: it serves them as a preview
// would, but to this machine only, and asks for everything that they have. It is
// safe for concurrent use.
type Visitor struct {
	browse   Browse
	listener net.Listener
	server   *http.Server
	origin   Origin
	served   sync.WaitGroup

	mu    sync.RWMutex
	sites map[uuid.UUID]map[string]Digest
}

// VisitorOptions are what a [Visitor] needs. Blobs is required.
type VisitorOptions struct {
	Blobs *Blobs
	// Browse opens the pages of sites that answer as they should; nil leaves
	// that out.
	Browse Browse
	// Logger receives what the store gets wrong; nil drops it.
	Logger *slog.Logger
}

// NewVisitor listens on a free port of the loopback interface until
// [Visitor.Close].
func NewVisitor(ctx context.Context, opts VisitorOptions) (*Visitor, error) {
	v := &Visitor{browse: opts.Browse, sites: map[uuid.UUID]map[string]Digest{}}
	handler, err := NewHandler(Options{Versions: v, Blobs: opts.Blobs, Domain: candidateDomain, Logger: opts.Logger})
	if err != nil {
		return nil, err
	}
	v.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for visits: %w", err)
	}
	address, _ := v.listener.Addr().(*net.TCPAddr)
	v.origin = Origin{Scheme: "http", Domain: candidateDomain, Port: address.Port}
	v.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	v.served.Go(func() { _ = v.server.Serve(v.listener) }) // It returns when the server is closed.
	return v, nil
}

// Close ends all visits.
func (v *Visitor) Close() error {
	err := v.server.Close()
	v.served.Wait()
	if err != nil {
		return fmt.Errorf("close the server of visits: %w", err)
	}
	return nil
}

// Visit is what a visit found.
type Visit struct {
	// Checks is the number of things that were looked at.
	Checks int
	// Failures are the site's own.
	Failures []sitecheck.Failure
	// NoBrowser is why the site was not opened in a browser although it was to
	// be; nil if it was.
	NoBrowser error
}

// Visit asks for every page and file of a site, by path, each of which must answer
// with its own bytes, and opens its pages in a browser if all of them did. The error is [ErrUnreachable] when the
// platform is at fault, and the context's.
func (v *Visitor) Visit(ctx context.Context, files map[string]Digest) (Visit, error) {
	// An id made for one visit: nobody can ask for what is not known to anybody.
	site := uuid.New()
	v.offer(site, files)
	defer v.withdraw(site)
	pages, assets := rootedPaths(files)
	visit := Visit{Checks: len(pages) + len(assets)}
	base, address := v.origin.URL(site), v.listener.Addr().String()
	err := Probe(ctx, ProbeOptions{
		URL: base, DialAddress: address, Paths: pages, Assets: assets, Digests: rootedDigests(files),
	})
	if failed, ok := errors.AsType[*ProbeError](err); ok {
		visit.Failures = failed.Failures
		return visit, nil
	}
	if err != nil || v.browse == nil {
		return visit, err
	}
	visit.Failures, visit.NoBrowser = v.browse(ctx, base, address, pages)
	if ctx.Err() != nil {
		return visit, context.Cause(ctx)
	}
	visit.Checks += len(pages)
	return visit, nil
}

func (v *Visitor) offer(site uuid.UUID, files map[string]Digest) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sites[site] = maps.Clone(files)
}

func (v *Visitor) withdraw(site uuid.UUID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.sites, site)
}

// VersionFile implements [VersionFiles] for the sites that are being visited.
func (v *Visitor) VersionFile(_ context.Context, site uuid.UUID, path string) (Digest, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	digest, ok := v.sites[site][path]
	if !ok {
		return Digest{}, ErrNotFound
	}
	return digest, nil
}

// rootedDigests returns the digests by address. The index has two.
func rootedDigests(files map[string]Digest) map[string]Digest {
	digests := make(map[string]Digest, len(files)+1)
	for path, digest := range files {
		digests[addressOf(path)] = digest
	}
	if index, ok := files[sitepath.Index]; ok {
		digests["/"] = index
	}
	return digests
}

func addressOf(path string) string { return (&url.URL{Path: "/" + path}).EscapedPath() }

// rootedPaths returns the addresses of a site's pages and of its other files,
// the index first, then sorted. Empty files that nothing refers to do no harm.
func rootedPaths(files map[string]Digest) (pages, assets []string) {
	empty := DigestOf(nil)
	for path, digest := range files {
		address := addressOf(path)
		switch {
		case sitepath.IsPage(path):
			pages = append(pages, address)
		case digest != empty:
			assets = append(assets, address)
		}
	}
	slices.Sort(pages)
	slices.Sort(assets)
	if at := slices.Index(pages, "/"+sitepath.Index); at > 0 {
		pages = slices.Insert(slices.Delete(pages, at, at+1), 0, "/"+sitepath.Index)
	}
	return pages, assets
}
