package offline

import (
	"strings"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// The gazetteer knows places in English, French and Arabic. These are the names
// in the other languages where they differ from the English ones, by the key of
// the city or the code of the country.
var placeNames = map[string]map[string]string{
	"es": {
		"FR": "Francia", "BE": "Bélgica", "CH": "Suiza", "CA": "Canadá", "LU": "Luxemburgo", "MA": "Marruecos",
		"DZ": "Argelia", "TN": "Túnez", "EG": "Egipto", "SA": "Arabia Saudí", "AE": "Emiratos Árabes Unidos", "QA": "Catar",
		"JO": "Jordania", "LB": "Líbano", "GB": "Reino Unido", "IE": "Irlanda", "US": "Estados Unidos", "DE": "Alemania",
		"ES": "España", "IT": "Italia", "NL": "Países Bajos",
		"paris": "París", "marseille": "Marsella", "bordeaux": "Burdeos", "strasbourg": "Estrasburgo", "nice": "Niza",
		"lehavre": "El Havre", "brussels": "Bruselas", "liege": "Lieja", "geneva": "Ginebra", "lausanne": "Lausana", "zurich": "Zúrich",
		"quebec": "Quebec", "luxembourg": "Luxemburgo", "rabat": "Rabat", "tangier": "Tánger", "algiers": "Argel", "oran": "Orán",
		"tunis": "Túnez", "cairo": "El Cairo", "alexandria": "Alejandría", "riyadh": "Riad", "jeddah": "Yeda", "mecca": "La Meca",
		"dubai": "Dubái", "abudhabi": "Abu Dabi", "doha": "Doha", "amman": "Amán", "marrakech": "Marrakech", "london": "Londres",
		"manchester": "Mánchester", "edinburgh": "Edimburgo", "dublin": "Dublín", "newyork": "Nueva York",
		"losangeles": "Los Ángeles", "sydney": "Sídney", "berlin": "Berlín", "munich": "Múnich", "hamburg": "Hamburgo",
		"cologne": "Colonia", "vienna": "Viena", "seville": "Sevilla", "rome": "Roma", "milan": "Milán", "lisbon": "Lisboa",
		"amsterdam": "Ámsterdam", "fez": "Fez", "sharjah": "Sharjah",
	},
	"de": {
		"FR": "Frankreich", "BE": "Belgien", "CH": "Schweiz", "CA": "Kanada", "LU": "Luxemburg", "MA": "Marokko",
		"DZ": "Algerien", "TN": "Tunesien", "EG": "Ägypten", "SA": "Saudi-Arabien", "AE": "Vereinigte Arabische Emirate",
		"QA": "Katar", "JO": "Jordanien", "LB": "Libanon", "GB": "Großbritannien", "IE": "Irland", "US": "USA", "AU": "Australien",
		"DE": "Deutschland", "AT": "Österreich", "ES": "Spanien", "IT": "Italien", "NL": "Niederlande",
		"nice": "Nizza", "strasbourg": "Straßburg", "brussels": "Brüssel", "liege": "Lüttich", "geneva": "Genf", "zurich": "Zürich",
		"quebec": "Québec", "luxembourg": "Luxemburg", "marrakech": "Marrakesch", "tangier": "Tanger", "fez": "Fès", "algiers": "Algier",
		"cairo": "Kairo", "alexandria": "Alexandria", "riyadh": "Riad", "jeddah": "Dschidda", "mecca": "Mekka", "sharjah": "Schardscha",
		"montreal": "Montréal", "munich": "München", "cologne": "Köln", "vienna": "Wien", "seville": "Sevilla", "rome": "Rom",
		"milan": "Mailand", "lisbon": "Lissabon",
	},
}

// placeName returns the place's name in a language, nothing for no place.
func placeName(place analysis.Place, language string) string {
	key := place.City
	if key == "" {
		key = place.Country
	}
	if name := placeNames[language][key]; name != "" {
		return name
	}
	return place.Name(language)
}

// inPlace returns "in Lyon", "à Lyon", "au Caire", "en Alemania", "in der
// Schweiz", "في ليون", and words for a place that nobody named.
func inPlace(place analysis.Place, language string) string {
	name, country := placeName(place, language), place.City == ""
	if name == "" {
		return nearYou[language]
	}
	switch language {
	case "fr":
		return inFrench(name, country)
	case "ar":
		return "في " + name
	case "es":
		return inSpanish(name)
	case "de":
		return inGerman(name)
	}
	if country && (strings.HasPrefix(name, "United") || name == "Netherlands") {
		return "in the " + name
	}
	return "in " + name
}

// nearYou is never written to.
var nearYou = map[string]string{
	"en": "near you", "fr": "près de chez vous", "ar": "بالقرب منك", "es": "en el barrio", "de": "ganz in der Nähe",
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

func inSpanish(name string) string {
	switch name {
	case "Reino Unido", "Líbano":
		return "en el " + name
	case "Países Bajos", "Emiratos Árabes Unidos":
		return "en los " + name
	}
	return "en " + name
}

func inGerman(name string) string {
	switch name {
	case "Schweiz":
		return "in der " + name
	case "USA":
		return "in den " + name
	case "Niederlande":
		return "in den Niederlanden"
	case "Vereinigte Arabische Emirate":
		return "in den Vereinigten Arabischen Emiraten"
	case "Libanon":
		return "im " + name
	}
	return "in " + name
}
