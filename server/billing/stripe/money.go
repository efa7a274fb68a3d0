package stripe

import (
	"errors"
	"fmt"
	"strings"
)

const microsPerUnit = 1_000_000

// ErrAmount is a price that Stripe cannot ask for.
var ErrAmount = errors.New("price is not a whole number of the currency's smallest unit")

// minor is how Stripe counts a currency, per https://docs.stripe.com/currencies.
type minor struct {
	// micros are in one of the units that Stripe counts in.
	micros int64
	// step is the smallest difference of two amounts, in micro-units.
	step int64
}

func minorOf(currency string) minor {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return minor{microsPerUnit, microsPerUnit}
	case "ISK", "UGX":
		// Counted in hundredths, which do not exist any more.
		return minor{microsPerUnit / 100, microsPerUnit}
	case "BHD", "JOD", "KWD", "OMR", "TND":
		// Counted in thousandths, the last digit of which is 0.
		return minor{microsPerUnit / 1000, microsPerUnit / 100}
	}
	return minor{microsPerUnit / 100, microsPerUnit / 100}
}

// ToMinor turns micro-units of a currency into what Stripe counts in. It returns
// an error that wraps [ErrAmount] where Stripe cannot ask for the amount.
func ToMinor(micros int64, currency string) (int64, error) {
	unit := minorOf(currency)
	if micros <= 0 || micros%unit.step != 0 {
		return 0, fmt.Errorf("%d micro-units of %s: %w", micros, currency, ErrAmount)
	}
	return micros / unit.micros, nil
}

// fromMinor is the other way; Stripe writes currencies small.
func fromMinor(amount int64, currency string) (micros int64, code string) {
	code = strings.ToUpper(currency)
	return amount * minorOf(code).micros, code
}
