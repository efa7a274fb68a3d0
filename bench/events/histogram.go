package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Each power of two of microseconds is cut into this many buckets, so that a
// quantile is at most 3 % too high.
const (
	subBuckets = 32
	subBits    = 5
	buckets    = 40 * subBuckets
)

// histogram counts latencies, log-linear. It is safe for concurrent use.
type histogram struct {
	counts [buckets]atomic.Int64
}

// Latencies is what a histogram counted, as it travels between processes.
type Latencies struct {
	Counts []int64
}

func (h *histogram) add(d time.Duration) { h.counts[bucketOf(d)].Add(1) }

// take returns what was counted, and begins anew.
func (h *histogram) take() Latencies {
	l := Latencies{Counts: make([]int64, buckets)}
	for i := range h.counts {
		l.Counts[i] = h.counts[i].Swap(0)
	}
	return l
}

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < subBuckets {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBits
	return min((shift+1)*subBuckets+int(us>>shift)-subBuckets, buckets-1)
}

// upper is the largest latency that a bucket counts.
func upper(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket) * time.Microsecond
	}
	shift := bucket/subBuckets - 1
	return time.Duration((bucket%subBuckets+subBuckets+1)<<shift-1) * time.Microsecond
}

// quantile returns the latency that the share q of all does not exceed; 0 if
// nothing was counted.
func (l Latencies) quantile(q float64) time.Duration {
	var total int64
	for _, n := range l.Counts {
		total += n
	}
	rank := int64(q*float64(total) + 0.5)
	var seen int64
	for bucket, n := range l.Counts {
		if seen += n; n > 0 && seen >= rank {
			return upper(bucket)
		}
	}
	return 0
}
