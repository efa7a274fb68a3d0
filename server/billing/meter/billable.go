package meter

import "time"

// step is what billable time is rounded up to, in seconds.
const step = 10

// Billable returns the seconds that count for an operation of length d: d
// rounded up to 10 s. Nothing and less than nothing is 0. It is applied once
// per operation, to the sum of its active AI intervals.
func Billable(d time.Duration) int64 {
	return ceilDiv(int64(max(d, 0)), int64(step*time.Second)) * step
}

// milliseconds rounds up, so that rounding its result to 10 s gives what
// [Billable] gives.
func milliseconds(d time.Duration) int64 {
	return ceilDiv(int64(max(d, 0)), int64(time.Millisecond))
}

func ceilDiv(n, d int64) int64 {
	quotient := n / d
	if n%d != 0 {
		quotient++
	}
	return quotient
}
