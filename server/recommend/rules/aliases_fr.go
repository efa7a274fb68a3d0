package rules

// aliasesFR are the French words for each kind.
var aliasesFR = map[Kind][]string{
	Contact: {
		"contacter", "contactez-nous", "nous contacter", "coordonnées", "formulaire de contact", "téléphone",
		"numéro de téléphone", "GSM", "courriel", "adresse", "adresse e-mail", "horaires", "horaires d'ouverture",
		"heures d'ouverture", "plan d'accès", "itinéraire", "localisation", "nous écrire", "numéro de GSM",
	},
	Pricing: {"tarif", "tarifs", "prix", "grille tarifaire", "liste de prix", "formules", "forfaits", "abonnements"},
	FAQ: {
		"foire aux questions", "questions fréquentes", "questions fréquemment posées", "questions courantes",
		"centre d'aide",
	},
	About:    {"à propos", "à propos de nous", "qui sommes-nous", "notre histoire", "mon histoire", "présentation"},
	Services: {"prestations", "nos prestations", "nos services", "soins", "carte", "carte des plats", "produits", "catalogue"},
	Team:     {"équipe", "notre équipe", "membres de l'équipe", "personnel", "collaborateurs", "intervenants"},
	Booking: {
		"réservation", "réservations", "réserver", "réservation en ligne", "rendez-vous", "prise de rendez-vous", "rdv",
		"agenda", "calendrier", "inscription", "billetterie", "billets", "prise de RDV", "RDV en ligne",
		"réserver une table", "prendre rendez-vous",
	},
	Payment: {
		"paiement", "paiements", "paiement en ligne", "payer en ligne", "moyens de paiement", "panier", "carte bancaire",
		"vente en ligne", "paiement à la livraison", "CMI", "carte de paiement",
	},
	Newsletter: {"infolettre", "lettre d'information", "liste de diffusion"},
	Blog:       {"blogue", "actualités", "actus", "articles de blog"},
	Social:     {"réseaux sociaux", "médias sociaux", "liens sociaux", "boutons de partage"},
	Testimonials: {
		"témoignage", "témoignages", "témoignages clients", "avis", "avis clients", "avis des clients", "notes clients",
	},
	Portfolio: {"réalisations", "nos réalisations", "projets", "études de cas", "travaux"},
	Gallery:   {"galerie", "galerie photo", "galerie photos", "galerie d'images", "diaporama", "avant après"},
	DarkMode:  {"mode sombre", "mode nuit", "thème sombre"},
	SEO:       {"référencement", "référencement naturel", "moteurs de recherche", "plan du site", "balises meta"},
	Analytics: {"statistiques", "mesure d'audience", "analyse d'audience", "visites", "suivi des visites"},
	Mobile: {
		"version mobile", "adapté au mobile", "site responsive", "vitesse du site", "temps de chargement",
		"rapide sur GSM", "rapide sur mobile",
	},
	Accessibility: {"accessibilité", "lecteur d'écran", "lecteurs d'écran", "RGAA", "handicap"},
}
