package view

import (
	"io"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
)

// Renderer shows one build. Its methods are safe for concurrent use.
type Renderer interface {
	// Begin shows what is built, before its first event.
	Begin(build *buildv1.Build)
	// Event shows the next event.
	Event(event *eventv1.BuildEvent)
	// Note shows a sentence about the program itself, such as that it is stopping.
	Note(sentence string)
	// End shows how it ended. No event comes after it.
	End(closing Closing)
	// Stop gives the output back. It may come at any time and more than once.
	Stop()
	// Diagnostics takes log lines while the renderer owns the output.
	Diagnostics() io.Writer
}

// Closing is how a build ended.
type Closing struct {
	// Build is the build in its final state.
	Build *buildv1.Build
	// SpendableSeconds is what the account has left; negative if nobody knows.
	SpendableSeconds int64
	// Suggestions are next steps, the most fitting first.
	Suggestions []*recommendationv1.QuickSuggestion
	// Took is how long the user has watched.
	Took time.Duration
	// Serving says that the program goes on to serve the preview.
	Serving bool
}
