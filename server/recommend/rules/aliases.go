package rules

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
	"أخبار", "أسئلة", "اتصال", "تسجيل", "مشاريع", "مدى", "فوري", "فيزا", "دكاترة", "ألبوم", "لوكيشن",
	"prestations", "produits", "carte", "équipe", "adresse", "horaires", "projets", "visites", "prix", "présentation",
	"téléphone", "GSM", "travaux", "soins",
	"servicios", "productos", "carta", "equipo", "dirección", "horario", "fotos", "imágenes", "proyectos", "noticias",
	"visitas", "móvil", "correo", "teléfono", "mapa", "trabajos", "celular", "horarios", "costos", "costes", "dudas",
	"médicos", "profesores", "publicaciones", "novedades",
	"Leistungen", "Produkte", "Speisekarte", "Mitarbeiter", "Bilder", "Projekte", "Neuigkeiten", "Besuche", "Handy",
	"Telefon", "Standort", "Kosten", "Angebote", "Angebot", "Arbeiten", "Trainer", "Ärzte",
	"Sortiment",
)

// filler are words that stand between aliases without meaning anything.
var filler = aliasSet(
	"a", "an", "and", "or", "the", "our", "your", "my", "et", "ou", "le", "la", "les", "nos", "vos", "y", "o", "el",
	"los", "las", "und", "oder", "der", "die", "das", "unsere", "أو",
)

// meanings are the aliases of all languages and what they mean.
var meanings = func() *dictionary[Kind] {
	all := make(map[string]Kind)
	for _, kind := range kinds {
		all[string(kind)] = kind
	}
	for _, table := range languages {
		for kind, aliases := range table {
			for _, alias := range aliases {
				all[alias] = kind
			}
		}
	}
	return newDictionary(all, vague)
}()

func aliasSet(aliases ...string) map[string]bool {
	set := make(map[string]bool, len(aliases))
	for _, alias := range aliases {
		set[normal(alias)] = true
	}
	return set
}
