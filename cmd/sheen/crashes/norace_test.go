//go:build !race

package crashes

// raced says that the race detector watches.
const raced = false
