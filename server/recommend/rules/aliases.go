package rules

import (
	"slices"
	"strings"
)

// maxAliasWords is the longest alias in words.
const maxAliasWords = 4

// languages are the tables of aliases, one file each.
var languages = []map[Kind][]string{aliasesEN, aliasesAR, aliasesFR, aliasesES, aliasesDE}

// vague are aliases that say something only by themselves: a site for "booking
// services" asks for a booking and not for a list of services.
var vague = aliasSet(
	"about", "company", "service", "services", "offer", "menu", "products", "team", "staff", "social", "cost", "plans",
	"news", "mobile", "phone", "telephone", "email", "e-mail", "location", "map", "address", "hours", "images", "photos",
	"pictures", "projects", "work", "speed", "performance", "night", "reviews", "questions", "answers", "theme",
	"search", "google", "visits", "packages", "rates", "calendar", "journal", "statistics", "tracking",
	"خدمات", "منتجات", "قائمة", "فريق", "عنوان", "هاتف", "جوال", "موبايل", "تليفون", "إيميل", "صور", "معرض", "أعمال",
	"أخبار", "أسئلة", "اتصال", "تسجيل", "مشاريع",
	"prestations", "produits", "carte", "équipe", "adresse", "horaires", "projets", "visites", "prix", "présentation",
	"téléphone", "GSM", "travaux", "soins",
	"servicios", "productos", "carta", "equipo", "dirección", "horario", "fotos", "imágenes", "proyectos", "noticias",
	"visitas", "móvil", "correo", "teléfono", "mapa", "trabajos",
	"Leistungen", "Produkte", "Speisekarte", "Mitarbeiter", "Bilder", "Projekte", "Neuigkeiten", "Besuche", "Handy",
	"Telefon", "Standort", "Kosten", "Angebote", "Arbeiten", "Trainer",
)

// filler are words that stand between aliases without meaning anything.
var filler = aliasSet(
	"a", "an", "and", "or", "the", "our", "your", "my", "et", "ou", "le", "la", "les", "nos", "vos", "y", "o", "el",
	"los", "las", "und", "oder", "der", "die", "das", "unsere", "أو",
)

// meanings maps every alias, folded, to its kind.
var meanings = func() map[string]Kind {
	all := make(map[string]Kind)
	for _, kind := range kinds {
		all[normal(string(kind))] = kind
	}
	for _, table := range languages {
		for kind, aliases := range table {
			for _, alias := range aliases {
				all[normal(alias)] = kind
			}
		}
	}
	return all
}()

// mentioned returns the kinds that terms speak of, in the order in which they
// do, each once.
func mentioned(terms []string) []Kind {
	return scanAll(terms, meanings, vague)
}

// scanAll returns what the aliases in terms mean, each meaning once. A term may
// be a list of its own, with commas or slashes.
func scanAll[T comparable](terms []string, meanings map[string]T, vague map[string]bool) []T {
	var found []T
	for _, term := range terms[:min(len(terms), maxTerms)] {
		for part := range strings.FieldsFuncSeq(clip(term), separates) {
			for _, meaning := range scan(words(part), meanings, vague) {
				if !slices.Contains(found, meaning) {
					found = append(found, meaning)
				}
			}
		}
	}
	return found
}

// scan reads words from left to right and takes the longest alias at each. What
// vague aliases mean counts only if nothing else is said.
func scan[T any](words []string, meanings map[string]T, vague map[string]bool) []T {
	var firm, loose []T
	strange := false
	for len(words) > 0 {
		alias, length := longest(words, meanings)
		switch {
		case length == 0:
			strange = strange || !filler[words[0]]
			length = 1
		case vague[alias]:
			loose = append(loose, meanings[alias])
		default:
			firm = append(firm, meanings[alias])
		}
		words = words[length:]
	}
	if len(firm) == 0 && !strange {
		return loose
	}
	return firm
}

// longest returns the longest alias that words begin with and its length in
// words, or 0 when there is none.
func longest[T any](words []string, meanings map[string]T) (string, int) {
	for n := min(maxAliasWords, len(words)); n > 0; n-- {
		alias := strings.Join(words[:n], " ")
		if _, known := meanings[alias]; known {
			return alias, n
		}
	}
	return "", 0
}

// normal is the form in which an alias is looked up.
func normal(alias string) string { return strings.Join(words(alias), " ") }

// normalKeys returns table with its keys in the form in which they are looked up.
func normalKeys[T any](table map[string]T) map[string]T {
	all := make(map[string]T, len(table))
	for alias, meaning := range table {
		all[normal(alias)] = meaning
	}
	return all
}

func aliasSet(aliases ...string) map[string]bool {
	set := make(map[string]bool, len(aliases))
	for _, alias := range aliases {
		set[normal(alias)] = true
	}
	return set
}
