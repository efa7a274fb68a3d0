package sitecheck

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// passing matches what changes from one check to the next although nothing was
// cured: lines, places in a script, and ids that are made anew for each run.
var passing = regexp.MustCompile(`\bline \d+|:\d+:\d+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16,}\b`)

// Fingerprint returns a hash of the failures: 64 hexadecimal characters. It
// leaves out lines and ids that are made anew, and how often and in which order
// the same is said, since an edit that cures nothing changes those as well:
// equal fingerprints mean that a fix did not help.
func (r Report) Fingerprint() string {
	lines := make([]string, len(r.Failures))
	for i, f := range r.Failures {
		lines[i] = fmt.Sprintf("%q %q %q\n", f.Check, f.Path, passing.ReplaceAllString(f.Message, "*"))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "")))
	return hex.EncodeToString(sum[:])
}
