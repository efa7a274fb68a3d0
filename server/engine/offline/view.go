package offline

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Money writes a price given in euros.
func (p *page) Money(euros float64) string {
	if euros == 0 {
		return p.T("free")
	}
	return p.region.money(euros, p.lang)
}

// Amount is the number of a price, for scripts.
func (p *page) Amount(euros float64) int { return int(p.region.amount(euros)) }

// MoneyFormat is a price of 1234567 as the region writes it; scripts put
// their own number in its place.
func (p *page) MoneyFormat() string {
	return strings.NewReplacer("7", "#").Replace(p.region.write(7, p.lang))
}

// Thousands stands between the thousands of a price for scripts, and
// ThousandsFrom is the number of digits that it takes.
func (p *page) Thousands() string { return p.region.marks(p.lang).thousands }

// ThousandsFrom is explained at Thousands.
func (p *page) ThousandsFrom() int { return p.region.marks(p.lang).from }

// Yearly is the price per month of a plan that is paid by the year.
func (p *page) Yearly(euros float64) string {
	const share = 0.8
	return p.Money(math.Floor(euros * share))
}

// Minutes writes a duration: "45 min", "1 h 30", "2 Std. 30 Min.", "10 دقائق".
func (p *page) Minutes(n int) string {
	const hour = 60
	switch {
	case n == hour && p.lang == "ar":
		return p.T("hours.short")
	case n%hour == 0:
		return fmt.Sprintf("%d"+nbsp+"%s", n/hour, p.T("hours.short"))
	case n < hour || p.lang == "en" || p.lang == "ar":
		return fmt.Sprintf("%d"+nbsp+"%s", n, p.minutesOf(n))
	case p.lang != "fr":
		return fmt.Sprintf("%d"+nbsp+"%s %d"+nbsp+"%s", n/hour, p.T("hours.short"), n%hour, p.T("minutes"))
	}
	return fmt.Sprintf("%d"+nbsp+"%s"+nbsp+"%02d", n/hour, p.T("hours.short"), n%hour)
}

// minutesOf returns the word for n minutes, which in Arabic has a plural for 3 to
// 10 alone.
func (p *page) minutesOf(n int) string {
	const fewest, most = 3, 10
	if p.lang == "ar" && n >= fewest && n <= most {
		return "دقائق"
	}
	return p.T("minutes")
}

// Clock writes a time of day given as "09:30".
func (p *page) Clock(hhmm string) string { return p.region.clock(hhmm, p.lang) }

// Hours are the opening times, nothing for a business without.
func (p *page) Hours() []hourRow {
	spans := hoursOf(p.brief.Business)
	if spans == nil {
		return nil
	}
	return p.region.hourRows(spans, p.words.Days, p.T("closed"), p.lang)
}

// Days are the names of the days in the order of the local week, short.
func (p *page) Days() []string {
	var out []string
	for d := range week {
		out = append(out, p.words.DaysShort[p.region.local(d, hoursOf(p.brief.Business))])
	}
	return out
}

// Closed are the closed days as scripts count them, "0,1".
func (p *page) Closed() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(p.region.closedDays(hoursOf(p.brief.Business))), " ", ","), "[]")
}

// Slots are the times of a booking form.
func (p *page) Slots() []string { return slotsOf(p.brief.Business) }

// Phone, PhoneLink, Email and Street are example contact data.
func (p *page) Phone() string { return p.region.phone }

// PhoneLink is Phone as a link.
func (p *page) PhoneLink() template.URL {
	return template.URL("tel:" + strings.ReplaceAll(p.region.phone, " ", "")) //nolint:gosec // digits of a table
}

// Email is an address of a domain that is kept for examples.
func (p *page) Email() string {
	name := slug(p.brief.Brand)
	if name == "" {
		name = p.brief.Business
	}
	return p.T("mailbox") + "@" + name + ".example"
}

// Street is written as people of the place do, where its script is the page's.
func (p *page) Street() string {
	language := p.place.Language
	if language == "ar" || language == "" || p.lang == "ar" {
		language = p.lang
	}
	const numbers = 40
	number := 3 + p.brief.Seed%numbers
	return fmt.Sprintf(streets[language], number)
}

// Address is the street with the city, where one was named.
func (p *page) Address() string {
	if name := placeName(p.place, p.lang); name != "" {
		return p.Street() + p.T("comma") + name
	}
	return p.Street()
}

var streets = map[string]string{
	"en": "%d Weaver Street", "fr": "%d, rue des Tisserands", "ar": "%d شارع النساجين",
	"de": "Weberstraße %d", "es": "Calle del Telar %d",
}

// slug keeps the ASCII letters and digits of s, at most 24 of them.
func slug(s string) string {
	const longest = 24
	plain := strings.NewReplacer("é", "e", "è", "e", "ê", "e", "à", "a", "â", "a", "ç", "c", "ô", "o",
		"î", "i", "ï", "i", "û", "u", "ë", "e",
		"á", "a", "í", "i", "ó", "o", "ú", "u", "ñ", "n", "ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss").Replace(strings.ToLower(s))
	var b strings.Builder
	for _, r := range plain {
		if (r >= 'a' && r <= 'z' || r >= '0' && r <= '9') && b.Len() < longest {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Group is a part of a list with a common title.
type group struct {
	Name  string
	Items []item
}

// Groups splits items by their group, in the order of first appearance.
func (p *page) Groups(items []item) []group {
	var out []group
	at := map[string]int{}
	for _, it := range items {
		i, ok := at[it.Group]
		if !ok {
			i = len(out)
			at[it.Group] = i
			out = append(out, group{Name: it.Group})
		}
		out[i].Items = append(out[i].Items, it)
	}
	return out
}

// First returns at most n items.
func (p *page) First(n int, items []item) []item { return items[:min(n, len(items))] }

// Others returns at most n items besides the page's own.
func (p *page) Others(n int, items []item) []item {
	var out []item
	for i := range items {
		it := items[(p.Position+1+i)%len(items)]
		if p.Item != nil && it.ID == p.Item.ID || len(out) == n {
			continue
		}
		out = append(out, it)
	}
	return out
}

// Art draws a picture; n makes another one of the same kind.
func (p *page) Art(name string, n int) template.HTML {
	return template.HTML(draw(name, p.brief.Seed+uint64(n)*7919)) //nolint:gosec // drawn from numbers only
}

// Icon returns a line icon.
func (p *page) Icon(name string) template.HTML {
	return template.HTML(icon(name)) //nolint:gosec // a constant of this package
}

// Add returns a+b.
func (p *page) Add(a, b int) int { return a + b }

// Stars is a number of times to repeat a star.
func (p *page) Stars() []int { return make([]int, 5) }

// Party are the numbers of guests of a restaurant's form.
func (p *page) Party() []string { return []string{"1", "2", "3", "4", "5", "6", "7", "8"} }

// Handle is the brand's name in social networks.
func (p *page) Handle() string {
	name, _, _ := strings.Cut(strings.SplitN(p.Email(), "@", 2)[1], ".")
	return name
}

// Classes are the classes of a gym on day d of the local week: the list goes
// round, so that every day has its own mix.
func (p *page) Classes(d int) []item {
	times := []string{"07:00", "09:30", "12:15", "18:00", "19:15"}
	const perDay, saturday = 4, 5
	list := p.List("classes")
	var out []item
	for i := range perDay {
		if len(list) == 0 || d >= saturday && i > 1 {
			break
		}
		it := list[(d*3+i*2+d*i)%len(list)]
		it.Meta = times[i+max(d%2, d/saturday)]
		out = append(out, it)
	}
	return out
}

// Screens are the pictures of a product's features.
func (p *page) Screens() []string { return []string{"board", "rules", "report"} }
