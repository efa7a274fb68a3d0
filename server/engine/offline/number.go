package offline

import (
	"math"
	"strconv"
	"strings"
)

// Numbers have Latin digits in all languages. Arabic ones too: shops from
// Casablanca to Riyadh write prices, hours and phone numbers so, although the
// usual tables name Arabic-Indic digits for ar-EG and ar-SA.

// marks are how a language writes numbers: between thousands, before cents, and
// the digits from which thousands are set apart.
type marks struct {
	thousands, decimal string
	from               int
}

func (r region) marks(language string) marks {
	switch {
	case r.currency == "CHF" && language == "de":
		return marks{"’", ".", 4}
	case language == "fr":
		return marks{"\u202f", ",", 5}
	case language == "es", language == "de":
		return marks{".", ",", 4}
	}
	return marks{",", ".", 4}
}

// number writes an amount of money without its sign, cents only where there are
// any.
func (r region) number(amount float64, language string) string {
	const group = 3
	m := r.marks(language)
	cents := int(math.Round(amount * 100))
	digits := strconv.Itoa(cents / 100)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%group == 0 && len(digits) >= m.from {
			b.WriteString(m.thousands)
		}
		b.WriteRune(digit)
	}
	if rest := cents % 100; rest != 0 {
		b.WriteString(m.decimal)
		b.WriteString(strconv.Itoa(100 + rest)[1:])
	}
	return b.String()
}

// write puts the currency's sign to an amount.
func (r region) write(amount float64, language string) string {
	number, sign := r.number(amount, language), r.sign(language)
	switch {
	case language == "de" && r.currency == "CHF":
		return sign + nbsp + number
	case language != "en":
		return number + nbsp + sign
	case len([]rune(sign)) > 1:
		return sign + nbsp + number
	}
	return sign + number
}

// sign is the currency's in a language; one that is not known goes by its code.
func (r region) sign(language string) string {
	signs, known := symbols[r.currency]
	switch {
	case !known:
		return r.currency
	case language == "ar":
		return signs[1]
	case language == "fr" && r.currency == "MAD":
		return "DH"
	}
	return signs[0]
}
