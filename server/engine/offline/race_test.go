//go:build race

package offline_test

// raced says that the race detector watches.
const raced = true
