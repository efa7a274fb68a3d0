package billing

// Package is AI time that can be bought.
type Package struct {
	ID      string
	Seconds int64
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
