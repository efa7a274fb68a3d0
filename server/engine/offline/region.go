package offline

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sheenapps/sheen/server/engine/analysis"
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

// regionOf returns the region of the brief's country, else of its locale.
func regionOf(b brief) region {
	country := b.Country
	if country == "" {
		if _, tagged, ok := strings.Cut(b.Locale, "-"); ok {
			country = strings.ToUpper(tagged)
		}
	}
	if r, ok := regions[country]; ok && country != "" {
		return r
	}
	switch baseOf(b.Locale) {
	case "fr":
		return regions["FR"]
	case "ar":
		return regions["AE"]
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

func (r region) write(amount float64, language string) string {
	number := grouped(int(amount), language)
	if r.rate*r.step < 2 && math.Mod(amount, 1) != 0 {
		number = strconv.FormatFloat(amount, 'f', 2, 64)
	}
	sign, known := symbols[r.currency]
	if !known {
		sign = [2]string{r.currency, r.currency}
	}
	switch {
	case language == "ar":
		return number + nbsp + sign[1]
	case language == "fr":
		return number + nbsp + sign[0]
	case len([]rune(sign[0])) > 1:
		return sign[0] + nbsp + number
	}
	return sign[0] + number
}

// grouped writes n with a separator of thousands.
func grouped(n int, language string) string {
	s := strconv.Itoa(n)
	if len(s) <= 4 && language == "fr" || len(s) <= 3 {
		return s
	}
	separator := ","
	if language == "fr" {
		separator = "\u202f"
	}
	return s[:len(s)-3] + separator + s[len(s)-3:]
}

// clock writes a time of day given as "09:30".
func (r region) clock(hhmm, language string) string {
	var hour, minute int
	if _, err := fmt.Sscanf(hhmm, "%d:%d", &hour, &minute); err != nil {
		return hhmm
	}
	switch {
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

// cityName returns the place's name, or words for a place nobody named.
func cityName(place analysis.Place, language string) string {
	if name := place.Name(language); name != "" {
		return name
	}
	return map[string]string{"en": "the neighborhood", "fr": "le quartier", "ar": "الحي"}[language]
}

// inPlace returns "in Lyon", "à Lyon", "au Caire", "en France", "في ليون".
func inPlace(place analysis.Place, language string) string {
	name := place.Name(language)
	switch {
	case name == "":
		return map[string]string{"en": "near you", "fr": "près de chez vous", "ar": "بالقرب منك"}[language]
	case language == "fr":
		return inFrench(name, place.City == "")
	case language == "ar":
		return "في " + name
	case place.City == "" && (strings.HasPrefix(name, "United") || name == "Netherlands"):
		return "in the " + name
	}
	return "in " + name
}

func inFrench(name string, country bool) string {
	if rest, ok := strings.CutPrefix(name, "Le "); ok {
		return "au " + rest
	}
	if !country {
		return "à " + name
	}
	switch name {
	case "États-Unis", "Émirats arabes unis", "Pays-Bas":
		return "aux " + name
	case "Maroc", "Canada", "Luxembourg", "Liban", "Qatar", "Koweït", "Portugal", "Royaume-Uni":
		return "au " + name
	}
	return "en " + name
}
