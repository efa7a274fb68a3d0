package headless

import "time"

// Limit bounds what a browser may take, instead of the usual.
func (b *Browser) Limit(limit time.Duration) { b.limit = limit }
