package main

import "testing"

// What go test prints is judged by its metric; one that is missing is not met.
func TestFiguresAreJudged(t *testing.T) {
	t.Parallel()
	floor := figure{judged: "of-floor", atLeast: 0.8}
	latency := figure{judged: "p99-ms", atMost: 2}
	for _, tt := range []struct {
		figure figure
		line   string
		met    bool
	}{
		{floor, "BenchmarkL1-2   \t   10000\t   1711337 ns/op\t       736.6 floor/s\t         0.8100 of-floor\t       584.3 own/s\n", true},
		{floor, "BenchmarkL1-2 10000 1711337 ns/op 0.7933 of-floor", false},
		{floor, "BenchmarkL1-2 10000 1711337 ns/op", false},
		{latency, "BenchmarkL3-2 20000 500000 ns/op 1.99 p99-ms", true},
		{latency, "BenchmarkL3-2 20000 500000 ns/op 2.01 p99-ms", false},
		{latency, "BenchmarkL3-2 20000 500000 ns/op", false},
	} {
		metrics, err := metricsOf(tt.line)
		if err != nil || tt.figure.met(metrics) != tt.met {
			t.Errorf("%s: met %v, want %v: %v", tt.line, !tt.met, tt.met, err)
		}
	}
	if _, err := metricsOf("BenchmarkL1-2 1 x ns/op"); err == nil {
		t.Error("a number that is none was read")
	}
}
