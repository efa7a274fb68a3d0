package rules

// aliasesDE are the German words for each kind.
var aliasesDE = map[Kind][]string{
	Contact: {
		"Kontakt", "Kontaktdaten", "Kontaktformular", "Kontaktangaben", "Telefon", "Telefonnummer", "Handynummer",
		"E-Mail-Adresse", "Anschrift", "Adresse", "Öffnungszeiten", "Anfahrt", "Standort", "Lageplan", "Kontaktieren",
		"Kontaktmöglichkeit", "Kontaktseite", "Mailadresse", "Geschäftszeiten", "Sprechzeiten", "Wegbeschreibung",
	},
	Pricing: {
		"Preis", "Preise", "Preisliste", "Preistabelle", "Tarif", "Tarife", "Kosten", "Pakete", "Gebühren",
		"Preisübersicht", "Preise und Pakete", "Honorare", "Tarifübersicht",
	},
	FAQ: {
		"häufige Fragen", "häufig gestellte Fragen", "Fragen und Antworten", "Hilfebereich", "FAQ-Bereich",
		"oft gestellte Fragen", "Hilfecenter",
	},
	About: {
		"Über uns", "Ueber uns", "Über mich", "Ueber mich", "unsere Geschichte", "Firmengeschichte", "wer wir sind",
		"über das Unternehmen", "Firmenprofil", "unsere Philosophie",
	},
	Services: {
		"Leistungen", "unsere Leistungen", "Dienstleistungen", "Angebote", "Behandlungen", "Speisekarte", "Produkte",
		"Katalog", "Leistungsübersicht", "Angebot", "Getränkekarte", "Sortiment", "Produktkatalog",
	},
	Team: {
		"unser Team", "Mitarbeiter", "Mitarbeitende", "Teamseite", "Referenten", "Trainer", "Ansprechpartner",
		"Belegschaft", "Ärzte", "das Team",
	},
	Booking: {
		"Buchung", "Buchungen", "Onlinebuchung", "Online-Buchung", "Terminbuchung", "Terminvereinbarung", "Termin",
		"Termine", "Reservierung", "Reservierungen", "Tischreservierung", "Kalender", "Kursplan", "Anmeldung", "Tickets",
		"Terminkalender", "Termin vereinbaren", "Online-Termine", "Tisch reservieren", "Buchungssystem",
		"Terminbuchung online", "Buchungskalender",
	},
	Payment: {
		"Zahlung", "Zahlungen", "Bezahlung", "Onlinezahlung", "Online-Zahlung", "Zahlungsarten", "Bezahlmöglichkeiten",
		"Warenkorb", "Kasse", "Kreditkarte", "online bezahlen", "Onlinezahlungen", "Bezahlfunktion",
		"Zahlungsmöglichkeiten", "Kauf auf Rechnung", "PayPal-Zahlung",
	},
	Newsletter: {
		"Rundbrief", "Newsletter-Anmeldung", "Verteiler", "Mailingliste", "E-Mail-Newsletter", "Newsletteranmeldung",
	},
	Blog: {
		"Neuigkeiten", "Aktuelles", "Artikel", "Beiträge", "Blogbeiträge", "Nachrichten", "Blogartikel", "Magazinbeiträge",
	},
	Social: {
		"soziale Medien", "soziale Netzwerke", "Social-Media-Links", "Teilen-Schaltflächen", "Social Media",
		"Social-Media-Kanäle", "Links zu sozialen Medien",
	},
	Testimonials: {
		"Kundenstimmen", "Bewertungen", "Kundenbewertungen", "Rezensionen", "Referenzen", "Erfahrungsberichte",
		"Kundenmeinungen", "Kundenrezensionen", "Erfahrungen unserer Kunden", "Gästestimmen",
	},
	Portfolio: {
		"Projekte", "Arbeiten", "unsere Arbeiten", "Arbeitsproben", "Fallstudien", "Referenzprojekte",
		"ausgewählte Projekte", "Arbeitsbeispiele",
	},
	Gallery: {
		"Galerie", "Fotogalerie", "Bildergalerie", "Bilder", "Fotos", "vorher nachher", "Bildergalerien", "Fotostrecke",
	},
	DarkMode: {
		"dunkles Design", "dunkler Modus", "Dunkelmodus", "Nachtmodus", "dunkles Farbschema", "dunkle Ansicht",
	},
	SEO: {
		"Suchmaschinenoptimierung", "Suchmaschinen", "Auffindbarkeit", "Google-Ranking",
		"Google-Auffindbarkeit", "bei Google gefunden werden",
	},
	Analytics: {
		"Statistik", "Statistiken", "Besucherstatistik", "Webanalyse", "Besuche", "Auswertung", "Besucherzahlen",
		"Zugriffsstatistik",
	},
	Mobile: {
		"Handy", "mobile Ansicht", "mobile Version", "mobil optimiert", "Ladezeit", "Ladezeiten", "Handyversion",
		"mobile Website", "für Handys optimiert", "schnelle Ladezeiten",
	},
	Accessibility: {
		"Barrierefreiheit", "barrierefrei", "Bildschirmleser", "Screenreader", "hoher Kontrast", "barrierefreie Website",
		"Zugänglichkeit",
	},
}
