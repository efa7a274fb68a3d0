package main

import (
	"testing"
	"time"
)

func TestQuantilesAreAtMostThreePercentHigh(t *testing.T) {
	t.Parallel()
	var h histogram
	const count = 100_000
	for i := 1; i <= count; i++ {
		h.add(time.Duration(i) * 10 * time.Microsecond)
	}
	l := h.take()
	for _, q := range []float64{0.001, 0.5, 0.99, 1} {
		exact := time.Duration(q*count) * 10 * time.Microsecond
		if got := l.quantile(q); got < exact || float64(got) > 1.035*float64(exact) {
			t.Errorf("quantile %g is %v, not about %v", q, got, exact)
		}
	}
	if again := h.take().quantile(0.5); again != 0 {
		t.Errorf("taken twice: %v", again)
	}
}

func TestBucketsFollowEachOther(t *testing.T) {
	t.Parallel()
	for bucket := range buckets - 1 {
		last := upper(bucket)
		if bucketOf(last) != bucket || bucketOf(last+time.Microsecond) != bucket+1 {
			t.Fatalf("bucket %d ends at %v, which is in %d, and the next in %d",
				bucket, last, bucketOf(last), bucketOf(last+time.Microsecond))
		}
	}
	if got := bucketOf(-time.Second); got != 0 {
		t.Errorf("a negative latency is in bucket %d", got)
	}
}
