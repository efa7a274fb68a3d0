//go:build race

package main_test

// raced says that the race detector watches.
const raced = true
