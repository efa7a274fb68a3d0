package rules

// aliasesDE are the German words for each kind.
var aliasesDE = map[Kind][]string{
	Contact: {
		"Kontakt", "Kontaktdaten", "Kontaktformular", "Kontaktangaben", "Telefon", "Telefonnummer", "Handynummer",
		"E-Mail-Adresse", "Anschrift", "Adresse", "Öffnungszeiten", "Anfahrt", "Standort", "Lageplan",
	},
	Pricing: {"Preis", "Preise", "Preisliste", "Preistabelle", "Tarif", "Tarife", "Kosten", "Pakete", "Gebühren"},
	FAQ:     {"häufige Fragen", "häufig gestellte Fragen", "Fragen und Antworten", "Hilfebereich"},
	About:   {"Über uns", "Ueber uns", "Über mich", "Ueber mich", "unsere Geschichte", "Firmengeschichte", "wer wir sind"},
	Services: {
		"Leistungen", "unsere Leistungen", "Dienstleistungen", "Angebote", "Behandlungen", "Speisekarte", "Produkte",
		"Katalog",
	},
	Team: {"unser Team", "Mitarbeiter", "Mitarbeitende", "Teamseite", "Referenten", "Trainer", "Ansprechpartner"},
	Booking: {
		"Buchung", "Buchungen", "Onlinebuchung", "Online-Buchung", "Terminbuchung", "Terminvereinbarung", "Termin",
		"Termine", "Reservierung", "Reservierungen", "Tischreservierung", "Kalender", "Kursplan", "Anmeldung", "Tickets",
	},
	Payment: {
		"Zahlung", "Zahlungen", "Bezahlung", "Onlinezahlung", "Online-Zahlung", "Zahlungsarten", "Bezahlmöglichkeiten",
		"Warenkorb", "Kasse", "Kreditkarte",
	},
	Newsletter:    {"Rundbrief", "Newsletter-Anmeldung", "Verteiler", "Mailingliste"},
	Blog:          {"Neuigkeiten", "Aktuelles", "Artikel", "Beiträge", "Blogbeiträge", "Nachrichten"},
	Social:        {"soziale Medien", "soziale Netzwerke", "Social-Media-Links", "Teilen-Schaltflächen"},
	Testimonials:  {"Kundenstimmen", "Bewertungen", "Kundenbewertungen", "Rezensionen", "Referenzen", "Erfahrungsberichte"},
	Portfolio:     {"Projekte", "Arbeiten", "unsere Arbeiten", "Arbeitsproben", "Fallstudien"},
	Gallery:       {"Galerie", "Fotogalerie", "Bildergalerie", "Bilder", "Fotos", "vorher nachher"},
	DarkMode:      {"dunkles Design", "dunkler Modus", "Dunkelmodus", "Nachtmodus", "dunkles Farbschema"},
	SEO:           {"Suchmaschinenoptimierung", "Suchmaschinen", "Auffindbarkeit", "Google-Ranking"},
	Analytics:     {"Statistik", "Statistiken", "Besucherstatistik", "Webanalyse", "Besuche", "Auswertung"},
	Mobile:        {"Handy", "mobile Ansicht", "mobile Version", "mobil optimiert", "Ladezeit", "Ladezeiten"},
	Accessibility: {"Barrierefreiheit", "barrierefrei", "Bildschirmleser", "Screenreader", "hoher Kontrast"},
}
