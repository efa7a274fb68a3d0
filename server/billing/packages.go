package billing

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/locale"
)

// Package is AI time that can be bought.
type Package struct {
	// ID is 1 to 64 characters, such as "mini".
	ID string
	// Seconds are 1 to [meter.MaxSeconds].
	Seconds int64
	// PriceMicros is the price in millionths of the currency's unit, above 0.
	PriceMicros int64
	// CurrencyCode is ISO 4217, in capitals.
	CurrencyCode string
	// Life is how long after the payment what is left of it lapses: whole seconds,
	// at most a hundred years. 0 is never.
	Life time.Duration
}

// DefaultPackages is what is sold where nothing else is configured, as
// [ParsePackages] reads it.
const DefaultPackages = "mini:3600:5000000:USD,standard:18000:20000000:USD,large:72000:60000000:USD"

const (
	maxPackages = 100
	// maxPriceMicros keeps sums of prices far from the end of int64.
	maxPriceMicros = 1_000_000_000_000
	maxLife        = 100 * 365 * 24 * time.Hour
)

var (
	packageID    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
)

// ParsePackages reads packages from configuration: id:seconds:price_micros:currency,
// separated by commas, each with :life after it if what is bought ends, such as
// :8760h. The empty string is none. Its error lists all that is wrong.
func ParsePackages(text string) ([]Package, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var packages []Package
	var problems []error
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		parsed, err := parsePackage(strings.TrimSpace(item))
		if err == nil && seen[parsed.ID] {
			err = errors.New("stands twice")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%q %w", item, err))
			continue
		}
		seen[parsed.ID] = true
		packages = append(packages, parsed)
	}
	if len(packages) > maxPackages {
		problems = append(problems, fmt.Errorf("there are more than %d", maxPackages))
	}
	return packages, errors.Join(problems...)
}

func parsePackage(text string) (Package, error) {
	fields := strings.Split(text, ":")
	if len(fields) != 4 && len(fields) != 5 {
		return Package{}, errors.New("is not id:seconds:price_micros:currency, with or without :life")
	}
	life, err := parseLife(fields[4:])
	if err != nil {
		return Package{}, err
	}
	seconds, secondsErr := strconv.ParseInt(fields[1], 10, 64)
	price, priceErr := strconv.ParseInt(fields[2], 10, 64)
	switch {
	case !packageID.MatchString(fields[0]):
		return Package{}, errors.New("has an id that is not of lower-case letters, digits and dashes")
	case secondsErr != nil || seconds < 1 || seconds > meter.MaxSeconds:
		return Package{}, fmt.Errorf("does not have 1 to %d seconds", int64(meter.MaxSeconds))
	case priceErr != nil || price < 1 || price > maxPriceMicros:
		return Package{}, fmt.Errorf("does not cost 1 to %d micro-units", int64(maxPriceMicros))
	case !currencyCode.MatchString(fields[3]):
		return Package{}, errors.New("has a currency that is not three capitals, such as USD")
	}
	return Package{ID: fields[0], Seconds: seconds, PriceMicros: price, CurrencyCode: fields[3], Life: life}, nil
}

// parseLife reads the field that a package may have or not.
func parseLife(field []string) (time.Duration, error) {
	if len(field) == 0 {
		return 0, nil
	}
	life, err := time.ParseDuration(field[0])
	if err != nil || life < time.Second || life > maxLife || life%time.Second != 0 {
		return 0, fmt.Errorf("does not live whole seconds from 1s to %.0fh", maxLife.Hours())
	}
	return life, nil
}

// lifeSeconds is the package's life as it is stored: null for never.
func (p *Package) lifeSeconds() *int64 {
	if p.Life == 0 {
		return nil
	}
	return new(int64(p.Life / time.Second))
}

// Title is the package's name in a locale. A package that has none of its own is
// named by what it holds.
func (p *Package) Title(tag string) string {
	key := "billing.package." + p.ID + ".title"
	if title := locale.Text(tag, key, nil); title != key {
		return title
	}
	return locale.Text(tag, "billing.packageOf.minutes.title", locale.Args{"minutes": (p.Seconds + 59) / 60})
}

// recommend returns the smallest package that covers 1.2 × the missing seconds,
// the largest if none does, and nil if there is none.
func recommend(packages []Package, missing int64) *Package {
	var best *Package
	for i := range packages {
		candidate := &packages[i]
		if best == nil || better(*candidate, *best, missing) {
			best = candidate
		}
	}
	return best
}

func better(a, b Package, missing int64) bool {
	coversA, coversB := covers(a, missing), covers(b, missing)
	if coversA != coversB {
		return coversA
	}
	if coversA {
		return a.Seconds < b.Seconds
	}
	return a.Seconds > b.Seconds
}

func covers(p Package, missing int64) bool {
	return p.Seconds*10 >= missing*12
}
