package server

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// trimEvery is how often it is looked whether memory can be given back, and
	// trimAfter by how many goroutines the process must have grown for it.
	trimEvery = time.Second
	trimAfter = 1000
)

// trimMemory gives memory back after a crowd has come: to open a stream takes a
// stack twice as large as to wait in it, and an idle process would keep that for
// minutes. It runs until ctx ends.
func trimMemory(ctx context.Context) {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for before := runtime.NumGoroutine(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := runtime.NumGoroutine()
		if now > before+trimAfter {
			debug.FreeOSMemory()
			before = now
		}
		before = min(before, now)
	}
}
