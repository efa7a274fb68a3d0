package llm

import (
	"errors"
	"strconv"
	"strings"
)

// Price is what a model costs, in millionths of a US dollar per million tokens.
// The zero value is a model that costs nothing, or whose price nobody knows.
type Price struct {
	Input, Output, CacheRead, CacheWrite int64
}

const (
	million = 1_000_000
	// maxPrice and maxTokens keep a product within 63 bits.
	maxPrice  = 1_000_000_000
	maxTokens = 1_000_000_000
)

// Cost is the price of tokens in millionths of a US dollar, rounded up.
func (p Price) Cost(t Tokens) int64 {
	sum := t.Input*p.Input + t.Output*p.Output + t.CacheRead*p.CacheRead + t.CacheWrite*p.CacheWrite
	return (sum + million - 1) / million
}

// bounded is t with what no call can have used cut off.
func (t Tokens) bounded() Tokens {
	cut := func(n int64) int64 { return min(max(n, 0), maxTokens) }
	return Tokens{Input: cut(t.Input), Output: cut(t.Output), CacheRead: cut(t.CacheRead), CacheWrite: cut(t.CacheWrite)}
}

// errPrice says what a price looks like.
var errPrice = errors.New("must be input:output, with or without :cache_read and :cache_write, in whole micro-dollars per million tokens up to 1000000000, such as 3000000:15000000")

// ParsePrice reads "input:output[:cache_read[:cache_write]]". What is left out
// costs as much as input.
func ParsePrice(s string) (Price, error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 4 {
		return Price{}, errPrice
	}
	numbers := make([]int64, 4)
	for i := range numbers {
		if i >= len(parts) {
			numbers[i] = numbers[0]
			continue
		}
		n, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil || n < 0 || n > maxPrice {
			return Price{}, errPrice
		}
		numbers[i] = n
	}
	return Price{Input: numbers[0], Output: numbers[1], CacheRead: numbers[2], CacheWrite: numbers[3]}, nil
}

// PriceOf finds a model in a table of names, also under the name with a date that
// providers give to what a name stands for, such as "-20251001" or "-2025-10-01".
func PriceOf(table map[string]Price, model string) (Price, bool) {
	if price, ok := table[model]; ok {
		return price, true
	}
	for name, price := range table {
		if rest, ok := strings.CutPrefix(model, name+"-"); ok && strings.Trim(rest, "-0123456789") == "" && strings.HasPrefix(rest, "20") {
			return price, true
		}
	}
	return Price{}, false
}
