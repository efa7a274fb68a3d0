package deploy

import (
	"context"

	"github.com/sheenapps/sheen/server/preview"
)

// LocalName is the name of [Local].
const LocalName = "local"

// Local is the preview server: every project has an address of its own there,
// which shows the version of the newest deployment that is stored.
type Local struct{ origin preview.Origin }

// NewLocal makes the target; origin is where the preview server is.
func NewLocal(origin preview.Origin) Local { return Local{origin: origin} }

// Name implements [Target].
func (Local) Name() string { return LocalName }

// Immediate implements [Target].
func (Local) Immediate() bool { return true }

// Deploy implements [Target].
func (l Local) Deploy(_ context.Context, site Site) (string, error) {
	return l.origin.SiteURL(site.Project), nil
}
