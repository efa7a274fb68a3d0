package cli

import (
	"context"
	"os"
)

// interrupts turns signals into contexts: the first one asks to stop, the
// second one does not ask.
type interrupts struct {
	// asked ends at the first signal.
	asked context.Context //nolint:containedctx // the point of the type
	// forced ends at the second.
	forced context.Context //nolint:containedctx // the point of the type

	release context.CancelFunc
}

// listen starts to turn signals into contexts. Call release in the end.
func listen(parent context.Context, signals <-chan os.Signal) *interrupts {
	parent, release := context.WithCancel(parent)
	asked, ask := context.WithCancelCause(parent)
	forced, force := context.WithCancelCause(parent)
	go func() {
		for _, end := range []context.CancelCauseFunc{ask, force} {
			select {
			case <-signals:
				end(errInterrupted)
			case <-parent.Done():
				return
			}
		}
	}()
	return &interrupts{asked: asked, forced: forced, release: release}
}

// pressed reports whether there was a signal.
func (i *interrupts) pressed() bool { return i.asked.Err() != nil }
