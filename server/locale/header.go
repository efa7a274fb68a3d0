package locale

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// What is read of a header: browsers send fewer than ten entries, none of which
// is longer than a tag and a weight.
const (
	maxRanges = 32
	maxRange  = 128
)

// FromHeader returns the tags of an Accept-Language header (RFC 9110, section
// 12.5.4), the most wanted first and equals in the order in which they stand.
// The wildcard and what is refused with a weight of 0 are left out, and so is
// an entry with a malformed weight or of more than 128 bytes; the others still
// count, up to the 32nd. Tags come as they were written, for [Resolve] to judge.
func FromHeader(acceptLanguage string) []string {
	type weighted struct {
		tag    string
		weight float64
	}
	var ranges []weighted
	read := 0
	for entry := range strings.SplitSeq(acceptLanguage, ",") {
		read++
		if read > maxRanges {
			break
		}
		if len(entry) > maxRange {
			continue
		}
		tag, parameters, _ := strings.Cut(entry, ";")
		tag = strings.TrimSpace(tag)
		weight, ok := parseWeight(parameters)
		if !ok || weight == 0 || tag == "" || tag == "*" {
			continue
		}
		ranges = append(ranges, weighted{tag, weight})
	}
	slices.SortStableFunc(ranges, func(a, b weighted) int {
		return cmp.Compare(b.weight, a.weight)
	})
	tags := make([]string, len(ranges))
	for i, r := range ranges {
		tags[i] = r.tag
	}
	return tags
}

// parseWeight reads "q=0.8"; nothing at all is 1.
func parseWeight(parameters string) (float64, bool) {
	parameters = strings.TrimSpace(parameters)
	if parameters == "" {
		return 1, true
	}
	name, value, _ := strings.Cut(parameters, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0, false
	}
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	// The negated form also refuses NaN.
	if err != nil || !(weight >= 0 && weight <= 1) {
		return 0, false
	}
	return weight, true
}
