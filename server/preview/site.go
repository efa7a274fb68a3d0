package preview

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// sitePrefix goes before the label of a project's own address: one character
// makes it longer than every version's label, and it stays within the 28
// characters that Cloudflare Pages keeps of a branch's name.
const sitePrefix = "p"

// SiteLabel returns the DNS label of a project's own address, which shows
// whatever version is deployed there. It is never the [Label] of a version.
func SiteLabel(project uuid.UUID) string { return sitePrefix + Label(project) }

// ParseSiteLabel returns the project whose [SiteLabel] is label. Anything that
// SiteLabel does not write is [ErrLabel].
func ParseSiteLabel(label string) (uuid.UUID, error) {
	rest, ok := strings.CutPrefix(label, sitePrefix)
	if !ok {
		return uuid.UUID{}, ErrLabel
	}
	return ParseLabel(rest)
}

// SiteURL returns a project's own address, with its final slash.
func (o Origin) SiteURL(project uuid.UUID) string { return o.url(SiteLabel(project)) }

// Sites says which version a project shows at its own address. Implementations
// are safe for concurrent use.
type Sites interface {
	// DeployedVersion returns the version that is deployed in a project. The
	// error is [ErrNotFound] when there is no such project, or it shows nothing.
	// Every other error means that the store is away.
	DeployedVersion(ctx context.Context, project uuid.UUID) (uuid.UUID, error)
}

// site is what a request's host shows.
type site struct {
	version uuid.UUID
	// fixed says that the address never shows another version.
	fixed bool
}

// siteOf finds what a request's host shows: [ErrLabel] or [ErrNotFound] if
// nothing.
func (h *Handler) siteOf(r *http.Request) (site, error) {
	label, err := labelOfHost(r.Host, h.domain)
	if err != nil {
		return site{}, err
	}
	if version, err := ParseLabel(label); err == nil {
		return site{version: version, fixed: true}, nil
	}
	project, err := ParseSiteLabel(label)
	if err != nil || h.sites == nil {
		return site{}, ErrLabel
	}
	version, err := h.sites.DeployedVersion(r.Context(), project)
	if err != nil {
		return site{}, fmt.Errorf("look up the deployed version: %w", err)
	}
	return site{version: version}, nil
}
