package rules

// business is a kind of business that the weights know.
type business string

// The kinds of business. unknown has no weights, so its sites get what is
// universal.
const (
	unknown    business = ""
	salon      business = "salon"
	restaurant business = "restaurant"
	shop       business = "shop"
	saas       business = "saas"
	portfolio  business = "portfolio"
	medical    business = "medical"
	gym        business = "gym"
	agency     business = "agency"
	event      business = "event"
	blog       business = "blog"
	general    business = "business"
)

// businesses maps what analyses and people call a business to its kind.
var businesses = newDictionary(map[string]business{
	"salon": salon, "spa": salon, "barber": salon, "barber shop": salon, "barbershop": salon, "hairdresser": salon,
	"beauty": salon, "nails": salon, "nail studio": salon, "massage": salon, "tattoo studio": salon, "wellness": salon,

	"restaurant": restaurant, "café": restaurant, "coffee shop": restaurant, "bar": restaurant, "bakery": restaurant,
	"bistro": restaurant, "pizzeria": restaurant, "catering": restaurant, "food truck": restaurant, "food": restaurant,

	"shop": shop, "store": shop, "e-commerce": shop, "ecommerce": shop, "boutique": shop, "marketplace": shop,
	"retail": shop,

	"saas": saas, "software": saas, "app": saas, "startup": saas, "platform": saas, "tech": saas,

	"portfolio": portfolio, "photographer": portfolio, "photography": portfolio, "artist": portfolio,
	"designer": portfolio, "freelancer": portfolio, "resume": portfolio, "cv": portfolio, "personal": portfolio,

	"medical": medical, "medical practice": medical, "clinic": medical, "doctor": medical, "dentist": medical,
	"dental": medical, "health": medical, "healthcare": medical, "therapist": medical, "physiotherapy": medical,
	"veterinary": medical, "pharmacy": medical,

	"gym": gym, "fitness": gym, "yoga": gym, "pilates": gym, "personal trainer": gym, "martial arts": gym,
	"sports club": gym, "dance studio": gym,

	"agency": agency, "studio": agency, "marketing": agency, "consulting": agency, "consultant": agency,
	"law firm": agency, "architect": agency,

	"event": event, "events": event, "conference": event, "wedding": event, "festival": event, "meetup": event,
	"concert": event,

	"blog": blog, "magazine": blog, "news": blog, "journal": blog, "podcast": blog,

	"business": general, "company": general, "corporate": general, "landing page": general,
}, nil)

// businessOf returns the first kind of business that name speaks of.
func businessOf(r *reader, name string) business {
	if found := businesses.readAll(r, []string{name}); len(found) > 0 {
		return found[0]
	}
	return unknown
}

// trait is what visitors or a tone have in common.
type trait string

// The traits.
const (
	older        trait = "older"
	young        trait = "young"
	technical    trait = "technical"
	professional trait = "professional"
	family       trait = "family"
	travelling   trait = "travelling"
	creative     trait = "creative"
	warm         trait = "warm"
)

// traits maps words of an analysis to what they say about visitors or tone.
var traits = newDictionary(map[string]trait{
	"seniors": older, "elderly": older, "older adults": older, "retirees": older, "patients": older,
	"people with disabilities": older, "public sector": older,

	"young": young, "young adults": young, "teens": young, "teenagers": young, "students": young, "gen z": young,
	"playful": young, "trendy": young,

	"developers": technical, "engineers": technical, "gamers": technical, "technical": technical, "tech": technical,

	"professionals": professional, "professional": professional, "businesses": professional, "b2b": professional,
	"enterprise": professional, "investors": professional, "corporate": professional, "trustworthy": professional,

	"families": family, "family": family, "parents": family, "children": family, "kids": family,

	"tourists": travelling, "travelers": travelling, "travellers": travelling, "visitors": travelling,
	"international": travelling,

	"artists": creative, "designers": creative, "creatives": creative, "creative": creative, "bold": creative,
	"luxury": creative, "elegant": creative, "minimal": creative, "dark": creative,

	"friendly": warm, "warm": warm, "welcoming": warm, "cozy": warm, "personal": warm, "local": warm,
}, nil)
