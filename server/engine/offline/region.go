package offline

import (
	"fmt"
	"math"
	"strings"
)

// region is how a country writes money and time, and example contact data in
// it: numbers of ranges that are kept free for fiction where a country has them.
type region struct {
	currency string
	// rate turns a price in euros in France into a usual one here, step is
	// what prices are rounded to.
	rate, step float64
	// restFriday says that the week's rest is on Friday.
	restFriday bool
	// clock12 says that English hours have am and pm.
	clock12 bool
	phone   string
}

// regions by country; "" is for places that are not in the table.
var regions = map[string]region{
	"FR": {currency: "EUR", rate: 1, step: 1, phone: "+33 4 65 71 12 34"},
	"BE": {currency: "EUR", rate: 1, step: 1, phone: "+32 2 555 01 42"},
	"LU": {currency: "EUR", rate: 1.2, step: 1, phone: "+352 27 55 50 12"},
	"CH": {currency: "CHF", rate: 1.5, step: 1, phone: "+41 22 555 01 42"},
	"DE": {currency: "EUR", rate: 1, step: 1, phone: "+49 30 23125 042"},
	"AT": {currency: "EUR", rate: 1, step: 1, phone: "+43 1 555 0142"},
	"ES": {currency: "EUR", rate: 0.9, step: 1, phone: "+34 910 555 042"},
	"IT": {currency: "EUR", rate: 0.9, step: 1, phone: "+39 06 5550 142"},
	"PT": {currency: "EUR", rate: 0.8, step: 1, phone: "+351 21 555 0142"},
	"NL": {currency: "EUR", rate: 1, step: 1, phone: "+31 20 555 0142"},
	"IE": {currency: "EUR", rate: 1.1, step: 1, phone: "+353 1 555 0142"},
	"GB": {currency: "GBP", rate: 0.95, step: 1, phone: "+44 20 7946 0142"},
	"US": {currency: "USD", rate: 1.3, step: 1, clock12: true, phone: "+1 212 555 0142"},
	"CA": {currency: "CAD", rate: 1.5, step: 1, phone: "+1 514 555 0142"},
	"AU": {currency: "AUD", rate: 1.6, step: 1, clock12: true, phone: "+61 2 5550 1142"},
	"MA": {currency: "MAD", rate: 6, step: 10, phone: "+212 522 55 01 42"},
	"DZ": {currency: "DZD", rate: 60, step: 50, restFriday: true, phone: "+213 21 55 01 42"},
	"TN": {currency: "TND", rate: 1.5, step: 1, phone: "+216 71 555 142"},
	"EG": {currency: "EGP", rate: 16, step: 10, restFriday: true, phone: "+20 2 2555 0142"},
	"SA": {currency: "SAR", rate: 3.8, step: 5, restFriday: true, phone: "+966 11 555 0142"},
	"AE": {currency: "AED", rate: 4.5, step: 5, phone: "+971 4 555 0142"},
	"QA": {currency: "QAR", rate: 4.4, step: 5, restFriday: true, phone: "+974 4455 0142"},
	"KW": {currency: "KWD", rate: 0.35, step: 1, restFriday: true, phone: "+965 2255 0142"},
	"JO": {currency: "JOD", rate: 0.7, step: 1, restFriday: true, phone: "+962 6 555 0142"},
	"LB": {currency: "USD", rate: 0.9, step: 1, phone: "+961 1 555 142"},
	"":   {currency: "USD", rate: 1.2, step: 1, phone: "+1 555 0142"},
}

// countryOf returns the brief's country, else that of its locale, else nothing.
func countryOf(b brief) string {
	if b.Country != "" {
		return b.Country
	}
	_, tagged, _ := strings.Cut(b.Locale, "-")
	return strings.ToUpper(tagged)
}

// regionOf returns the region of the brief's country, else of its locale.
func regionOf(b brief) region {
	country := countryOf(b)
	if r, ok := regions[country]; ok && country != "" {
		return r
	}
	switch baseOf(b.Locale) {
	case "fr":
		return regions["FR"]
	case "ar":
		return regions["AE"]
	case "es":
		return regions["ES"]
	case "de":
		return regions["DE"]
	}
	r := regions[""]
	r.clock12 = true
	return r
}

// symbols are the currencies' signs in Latin and in Arabic script; a currency
// that is not here goes by its code.
var symbols = map[string][2]string{
	"EUR": {"€", "€"}, "GBP": {"£", "£"}, "USD": {"$", "$"},
	"CAD": {"$", "$"}, "AUD": {"$", "$"},
	"MAD": {"MAD", "د.م."}, "DZD": {"DA", "د.ج"}, "TND": {"DT", "د.ت"},
	"EGP": {"EGP", "ج.م"}, "SAR": {"SAR", "ر.س"}, "AED": {"AED", "د.إ"},
	"QAR": {"QAR", "ر.ق"}, "KWD": {"KWD", "د.ك"}, "JOD": {"JOD", "د.أ"},
}

// amount turns a price in euros into one of the region, rounded.
func (r region) amount(euros float64) float64 {
	return math.Round(euros*r.rate/r.step) * r.step
}

// money writes a price given in euros as language and region do.
func (r region) money(euros float64, language string) string {
	return r.write(r.amount(euros), language)
}

const nbsp = "\u00a0"

// clock writes a time of day given as "09:30".
func (r region) clock(hhmm, language string) string {
	var hour, minute int
	if _, err := fmt.Sscanf(hhmm, "%d:%d", &hour, &minute); err != nil {
		return hhmm
	}
	switch {
	case language == "de" && minute == 0:
		return fmt.Sprintf("%d"+nbsp+"Uhr", hour)
	case language == "de":
		return fmt.Sprintf("%d:%02d"+nbsp+"Uhr", hour, minute)
	case language == "es":
		return fmt.Sprintf("%02d:%02d"+nbsp+"h", hour, minute)
	case language == "fr" && minute == 0:
		return fmt.Sprintf("%d"+nbsp+"h", hour)
	case language == "fr":
		return fmt.Sprintf("%d"+nbsp+"h"+nbsp+"%02d", hour, minute)
	case language == "ar":
		return fmt.Sprintf("%d:%02d"+nbsp+"%s", (hour+11)%12+1, minute, half(hour, "ص", "م"))
	case r.clock12 && minute == 0:
		return fmt.Sprintf("%d"+nbsp+"%s", (hour+11)%12+1, half(hour, "am", "pm"))
	case r.clock12:
		return fmt.Sprintf("%d:%02d"+nbsp+"%s", (hour+11)%12+1, minute, half(hour, "am", "pm"))
	}
	return fmt.Sprintf("%02d:%02d", hour, minute)
}

func half(hour int, before, after string) string {
	if hour%24 < 12 {
		return before
	}
	return after
}
