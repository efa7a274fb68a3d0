package rules

// aliasesEN are the English words for each kind.
var aliasesEN = map[Kind][]string{
	Contact: {
		"contact us", "contact details", "contact info", "contact form", "contacts", "get in touch", "phone",
		"phone number", "telephone", "e-mail", "email", "email address", "e-mail address", "address", "location", "map",
		"directions", "opening hours", "business hours", "hours", "contact email", "business email", "whatsapp",
	},
	Pricing: {
		"price", "prices", "price list", "pricing table", "pricing plans", "plans", "packages", "rates", "cost", "fees",
		"subscription plans", "membership plans",
	},
	FAQ: {"faqs", "frequently asked questions", "common questions", "questions", "answers", "help center", "q&a"},
	About: {
		"about us", "about me", "about page", "our story", "my story", "company history", "mission", "company", "who we are",
		"biography", "bio",
	},
	Services: {
		"service", "service list", "services list", "services page", "services section", "our services", "offer",
		"offerings", "treatments", "menu", "food menu", "products", "product catalog", "catalog", "features section",
	},
	Team: {
		"team page", "team members", "our team", "team section", "staff", "employees", "trainers", "instructors", "stylists",
		"doctors", "speakers", "meet the team",
	},
	Booking: {
		"bookings", "book online", "online booking", "booking system", "booking form", "reservation", "reservations",
		"table reservation", "appointment", "appointments", "scheduling", "calendar", "class schedule", "timetable",
		"registration", "rsvp", "tickets",
	},
	Payment: {
		"payments", "online payment", "online payments", "payment methods", "checkout", "cart", "shopping cart",
		"credit card", "stripe", "paypal", "sell online", "buy online",
	},
	Newsletter: {"newsletter signup", "email newsletter", "mailing list", "email list", "email signup", "subscribers", "subscribe"},
	Blog:       {"blog posts", "articles", "news", "news section", "posts", "journal"},
	Social: {
		"social media", "social media links", "social links", "social networks", "instagram", "facebook", "tiktok",
		"twitter", "linkedin", "youtube", "share buttons", "social sharing",
	},
	Testimonials: {
		"testimonial", "reviews", "review", "customer reviews", "client reviews", "ratings", "customer feedback",
		"success stories", "social proof",
	},
	Portfolio: {"projects", "case studies", "case study", "our work", "my work", "past work", "work", "showcase"},
	Gallery: {
		"photo gallery", "image gallery", "galleries", "photos", "images", "pictures", "before and after", "slideshow",
		"lookbook",
	},
	DarkMode: {"dark theme", "night mode", "night", "color scheme switch", "theme switch", "theme"},
	SEO: {
		"search engine optimization", "search engine optimisation", "search engines", "search", "google",
		"google ranking", "meta tags", "meta description", "sitemap", "structured data",
	},
	Analytics: {
		"visitor statistics", "statistics", "stats", "visits", "tracking", "metrics", "google analytics",
		"conversion tracking",
	},
	Mobile: {
		"mobile friendly", "mobile version", "mobile optimization", "mobile optimisation", "responsive",
		"responsive design", "page speed", "speed", "loading time", "performance",
	},
	Accessibility: {
		"accessible", "a11y", "wcag", "screen reader", "screen readers", "keyboard navigation", "disabilities",
		"high contrast",
	},
}
