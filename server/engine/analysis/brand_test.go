package analysis_test

import (
	"testing"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string]string{
		"Le Figuier Bleu est un bistrot à Lyon":                "Le Figuier Bleu",
		"Willow & Fern is a salon in Leeds":                    "Willow & Fern",
		"Our Salon is a quiet place":                           "",
		"This is a site for my gym":                            "",
		"Paris is a city with my restaurant":                   "",
		"Unser Café heißt „Kleine Glut\"":                      "Kleine Glut",
		"Website für Handwerker, Preise und Kontakt":           "",
		"Website für Kleine Glut, ein Café":                    "Kleine Glut",
		"Site pour Chez Lucette, un bistrot":                   "Chez Lucette",
		"Un formulario con nombre y correo para mi peluquería": "",
		"Ein Formular mit Name, Adresse und Telefon für uns":   "",
		"كافيه سميته ركن الزعفران":                             "ركن الزعفران",
		"A law firm called \"The Gym\", family law only":       "The Gym",
		"Landing page for Loopnote, our app for hairdressers":  "Loopnote",
	} {
		a := analysis.Analyze(prompt, "")
		if got := a.BrandName; a.BrandDerived != (want == "") || !a.BrandDerived && got != want {
			t.Errorf("%q is called %q (made up: %v), want %q", prompt, got, a.BrandDerived, want)
		}
	}
}

// Customers of a business are not the business, a name is not its trade, and a
// slip of the finger changes nothing.
func TestWhatItIsFor(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string]string{
		"Booking software for restaurants and gyms":         "saas",
		"A marketing agency for dentists and hotels":        "agency",
		"Un logiciel pour les restaurants et les coiffeurs": "saas",
		"A site for my restaurant":                          "restaurant",
		"An app for my restaurant":                          "restaurant",
		"منصة حجوزات للعيادات والمطاعم":                     "saas",
		"A law firm called \"The Gym\", family law only":    "business",
		"a restauarnt by the sea":                           "restaurant",
		"mi peluqeria de barrio":                            "salon",
		"ein Fotograaf aus Bonn":                            "portfolio",
		"Unsere Kinderzahnarztpraxis am See":                "medical",
		"A plumber called \"Yoga Gym Pilates\"":             "business",
		"implants and whitening":                            "medical",
		"Weinladen und Versand":                             "shop",
		"Wir planen den Ablauf des Umzugs":                  "business",
		"محتاج landing page لـ restaurant في دبي":           "restaurant",
		"un site pour mon hanout, bghit nbi3 les caftans":   "shop",
	} {
		if a := analysis.Analyze(prompt, ""); a.BusinessType != want {
			t.Errorf("%q is %s, want %s", prompt, a.BusinessType, want)
		}
	}
}
