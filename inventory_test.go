package sheen_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every row of the billing inventory names its tests, and they exist.
func TestBillingInventoryIsShown(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("docs", "billing-inventory.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want, found []string
	for i := range 32 {
		want = append(want, fmt.Sprintf("B%02d", i+1))
	}
	want = append(want, "A14", "A15", "A16", "A17", "D08", "D09", "Defect 8", "Defect 9", "Defect 10", "Defect 11", "Defect 12")
	for _, line := range regexp.MustCompile(`(?m)^\| ([ABD][^|]*?) \|.*$`).FindAllStringSubmatch(string(page), -1) {
		found = append(found, line[1])
		tests := regexp.MustCompile("\\[`(Test\\w+)`]\\(\\.\\./([^)]+)\\)").FindAllStringSubmatch(line[0], -1)
		if len(tests) == 0 {
			t.Errorf("%s names no test", line[1])
		}
		for _, test := range tests {
			file, err := os.ReadFile(filepath.FromSlash(test[2]))
			if err != nil || !strings.Contains(string(file), "func "+test[1]+"(") {
				t.Errorf("%s: %s has no %s (%v)", line[1], test[2], test[1], err)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Errorf("the page has the rows %v, want %v", found, want)
	}
}
