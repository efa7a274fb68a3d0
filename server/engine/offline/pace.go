package offline

import (
	"context"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/engine"
)

// At pace 1 the explanation takes talkTime and the files writeTime, however
// long they are: about as long as a person likes to watch.
const (
	talkTime  = 5 * time.Second
	writeTime = 10 * time.Second
)

// chunkSize is how much of a file goes out at once, in bytes.
const chunkSize = 4 << 10

// wordsPerDelta is how many words of text go out at once.
const wordsPerDelta = 3

// say streams text in deltas of a few words.
func (e *Engine) say(ctx context.Context, text string, sink engine.Sink) error {
	deltas := split(text)
	for _, delta := range deltas {
		if err := e.pause(ctx, talkTime, len(deltas)); err != nil {
			return err
		}
		if err := sink.Text(ctx, delta); err != nil {
			return err
		}
	}
	return nil
}

// split cuts text after every few words; together the pieces are the text.
func split(text string) []string {
	var deltas []string
	var b strings.Builder
	words := 0
	for _, piece := range strings.SplitAfter(text, " ") {
		b.WriteString(piece)
		words++
		if words == wordsPerDelta {
			deltas = append(deltas, b.String())
			b.Reset()
			words = 0
		}
	}
	if b.Len() > 0 {
		deltas = append(deltas, b.String())
	}
	return deltas
}

// stream sends files in chunks, at a speed at which all of the site's chunks
// take writeTime. Each file is a call, whose key is that of its path.
func (e *Engine) stream(ctx context.Context, files []engine.File, key func(path string) string, chunks int, sink engine.Sink) error {
	for _, file := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := sink.Called(ctx, engine.Call{Key: key(file.Path), Model: Name}); err != nil {
			return err
		}
		data := file.Content
		for last := false; !last; {
			if err := e.pause(ctx, writeTime, chunks); err != nil {
				return err
			}
			n := min(chunkSize, len(data))
			last = n == len(data)
			if err := sink.File(ctx, engine.Chunk{Path: file.Path, Data: data[:n:n], Last: last}); err != nil {
				return err
			}
			data = data[n:]
		}
	}
	return nil
}

func chunksOf(files []engine.File) int {
	n := 0
	for _, file := range files {
		n += max(1, (len(file.Content)+chunkSize-1)/chunkSize)
	}
	return n
}

// pause waits for one of parts equal parts of total. It returns the cause of
// ctx also when there is nothing to wait for.
func (e *Engine) pause(ctx context.Context, total time.Duration, parts int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e.pace == 0 || parts == 0 {
		return nil
	}
	return e.wait(ctx, time.Duration(float64(total)/float64(parts)/e.pace))
}
