package view

import (
	"fmt"
	"strings"
	"time"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// Seconds writes an amount of AI time, such as "40 s" or "1 h 5 min".
func Seconds(seconds int64) string {
	const minute, hour = 60, 3600
	join := func(big int64, bigUnit string, small int64, smallUnit string) string {
		if small == 0 {
			return fmt.Sprintf("%d %s", big, bigUnit)
		}
		return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
	}
	switch {
	case seconds < minute:
		return fmt.Sprintf("%d s", seconds)
	case seconds < hour:
		return join(seconds/minute, "min", seconds%minute, "s")
	default:
		return join(seconds/hour, "h", seconds%hour/minute, "min")
	}
}

// clock writes a span as a stopwatch does, such as "0:07" or "1:02:03".
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	const minute, hour = 60, 3600
	if s < hour {
		return fmt.Sprintf("%d:%02d", s/minute, s%minute)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/hour, s%hour/minute, s%minute)
}

// took writes how long a build was watched, such as "2.4 s" or "1 min 5 s".
func took(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return Seconds(int64(d / time.Second))
}

// size writes a number of bytes, such as "812 B" or "12.4 KB".
func size(bytes int64) string {
	const step = 1000
	if bytes < step {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes)/step, "KB"
	if value >= step {
		value, unit = value/step, "MB"
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent floors, so that 100 is only shown of a complete build.
func percent(permille int32) int32 { return permille / 10 } //nolint:mnd // permille to percent

// stateName writes a state as a word, such as "planning".
func stateName(state buildv1.BuildState) string {
	return strings.ToLower(strings.TrimPrefix(state.String(), "BUILD_STATE_"))
}

// headline says how a build ended.
func headline(b *buildv1.Build) string {
	switch b.GetState() {
	case buildv1.BuildState_BUILD_STATE_COMPLETE:
		return "Your site is ready"
	case buildv1.BuildState_BUILD_STATE_CANCELLED:
		return "The build was cancelled"
	default:
		return "The build failed"
	}
}

// aiTime says what a build cost and what is left.
func aiTime(c Closing) string {
	cost := Seconds(c.Build.GetChargedSeconds()) + " charged"
	if c.Build.GetChargedSeconds() == 0 {
		cost = "nothing charged"
	}
	if c.SpendableSeconds < 0 {
		return cost
	}
	return cost + ", " + Seconds(c.SpendableSeconds) + " left"
}

// previewOf is the address of a site that is online. An interrupted build keeps
// its files as a version, but nothing that one would show.
func previewOf(b *buildv1.Build) string {
	if b.GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE {
		return ""
	}
	return cleanLine(b.GetPreviewUrl())
}
