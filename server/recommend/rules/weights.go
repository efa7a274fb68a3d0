package rules

// The weights are judgments, not measurements: what an owner of such a business
// would miss first. Recorded interactions can correct them one day.

// universals are the kinds that suit every site, with their weight where
// nothing else is known.
var universals = map[Kind]int{SEO: 6, Mobile: 5, Analytics: 4, Accessibility: 3, Social: 2, DarkMode: 1}

// suits holds, per kind of business, what suits it. A weight of a universal kind
// is added to its own.
var suits = map[business]map[Kind]int{
	salon: {
		Booking: 9, Gallery: 8, Testimonials: 7, Pricing: 6, Services: 5, Team: 4, Payment: 2, Contact: 3,
		Social: 5, Mobile: 3,
	},
	restaurant: {
		Booking: 9, Gallery: 8, Testimonials: 7, Contact: 6, About: 5, Services: 4, Newsletter: 3, Payment: 2,
		Mobile: 4, Social: 3,
	},
	shop: {
		Payment: 9, Testimonials: 8, FAQ: 7, Newsletter: 6, Gallery: 5, Contact: 4, About: 3, Blog: 2,
		Analytics: 3, SEO: 1,
	},
	saas: {
		Pricing: 9, FAQ: 8, Testimonials: 7, Payment: 6, Blog: 5, Newsletter: 4, Contact: 3, Team: 2, About: 1,
		Analytics: 5, DarkMode: 4,
	},
	portfolio: {
		Portfolio: 9, About: 8, Contact: 7, Testimonials: 6, Blog: 5, Services: 4, Gallery: 3, Pricing: 2,
		DarkMode: 7, Social: 4,
	},
	medical: {
		Booking: 9, Team: 8, Services: 7, FAQ: 6, Contact: 5, Testimonials: 4, About: 3, Pricing: 2, Blog: 1,
		Accessibility: 6,
	},
	gym: {
		Pricing: 9, Booking: 8, Team: 7, Testimonials: 6, Gallery: 5, Payment: 4, Services: 3, FAQ: 2, Contact: 1,
		Mobile: 3, Social: 3,
	},
	agency: {
		Portfolio: 9, Testimonials: 8, Team: 7, Services: 6, Contact: 5, Blog: 4, About: 3, Pricing: 2, FAQ: 1,
		Analytics: 1, DarkMode: 1,
	},
	event: {
		Booking: 9, Payment: 8, FAQ: 7, Team: 6, Gallery: 5, Newsletter: 4, Contact: 3, About: 2, Pricing: 1,
		Social: 6, Mobile: 2,
	},
	blog: {
		Newsletter: 9, About: 8, Contact: 5, Gallery: 3, FAQ: 2, Blog: 1,
		Social: 7, DarkMode: 3,
	},
	general: {
		Contact: 9, Services: 8, Testimonials: 7, About: 6, FAQ: 5, Pricing: 4, Team: 3, Booking: 2, Gallery: 1,
		Analytics: 1,
	},
}

// leanings are how visitors and tone move the weights.
var leanings = map[trait]map[Kind]int{
	older:        {Accessibility: 8, Contact: 2, FAQ: 2},
	young:        {Social: 5, DarkMode: 2, Mobile: 3, Gallery: 2},
	technical:    {DarkMode: 6, Blog: 3, FAQ: 1},
	professional: {Team: 3, Testimonials: 2, About: 2, Analytics: 2},
	family:       {Testimonials: 2, Gallery: 1, FAQ: 2, Accessibility: 2},
	travelling:   {Booking: 2, Contact: 3, Mobile: 3},
	creative:     {Portfolio: 3, Gallery: 3, DarkMode: 3},
	warm:         {About: 3, Team: 3},
}
