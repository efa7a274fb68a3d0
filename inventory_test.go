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

// rowsTo are the rows from 1 to last of a section.
func rowsTo(section string, last int) []string {
	var rows []string
	for i := range last {
		rows = append(rows, fmt.Sprintf("%s%02d", section, i+1))
	}
	return rows
}

// Every row of the inventory's sections names its tests, and they exist.
func TestInventoryIsShown(t *testing.T) {
	t.Parallel()
	for page, want := range map[string][]string{
		"billing-inventory.md": append(rowsTo("B", 32),
			"A14", "A15", "A16", "A17", "D08", "D09", "Defect 8", "Defect 9", "Defect 10", "Defect 11", "Defect 12"),
		"recommendations-inventory.md": slices.Concat(rowsTo("R", 26), rowsTo("Q", 11), rowsTo("L", 7),
			[]string{"Annex L", "Annex Q", "Defect 18"}),
	} {
		found := rowsOf(t, page)
		slices.Sort(want)
		slices.Sort(found)
		if !slices.Equal(found, want) {
			t.Errorf("%s has the rows %v, want %v", page, found, want)
		}
	}
}

// rowsOf returns the rows of a page of the documentation, and checks their tests.
func rowsOf(t *testing.T, name string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", name))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, line := range regexp.MustCompile(`(?m)^\| ([A-Z][^|]*?) \|.*$`).FindAllStringSubmatch(string(page), -1) {
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
	return found
}
