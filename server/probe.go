package server

import (
	"context"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/preview"
)

// listenForProbes gives a process that works on builds and serves nobody a preview
// server of its own, which only it knows of.
func (s *Server) listenForProbes(ctx context.Context) (err error) {
	s.listeners.probe, err = s.listenOn(ctx, "127.0.0.1:0", "role")
	return err
}

// probeAddress is the host and port of the preview server that this process probes
// at; empty if it has none.
func (s *Server) probeAddress() string {
	switch {
	case s.listeners.preview != nil:
		return s.listeners.preview.Addr().String()
	case s.listeners.probe != nil:
		return s.listeners.probe.Addr().String()
	default:
		return ""
	}
}

// newPreviews makes what serves previews.
func (s *Server) newPreviews(p *parts) (*preview.Handler, error) {
	var ancestors []string
	if s.cfg.Roles.API {
		ancestors = append([]string{s.URL()}, s.cfg.CORSOrigins...)
	}
	versions := build.NewVersions(p.db)
	return preview.NewHandler(preview.Options{
		Versions:       versions,
		Sites:          versions,
		Blobs:          p.blobs,
		Domain:         s.cfg.PreviewDomain,
		FrameAncestors: ancestors,
		Logger:         s.log,
	})
}
