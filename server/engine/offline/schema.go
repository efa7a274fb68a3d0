package offline

// Schema describes the business to search engines, as schema.org does. Keys
// are encoded in sorted order.
func (p *page) Schema() map[string]any {
	data := map[string]any{
		"@context":    "https://schema.org",
		"@type":       p.plans.schema,
		"name":        p.brief.Brand,
		"description": p.text.Tagline,
		"inLanguage":  p.locale,
	}
	switch p.plans.schema {
	case "Blog", "SoftwareApplication":
		return data
	case "Event":
		data["location"] = map[string]any{"@type": "Place", "name": p.brief.Brand, "address": p.address()}
		return data
	}
	data["email"] = p.Email()
	data["telephone"] = p.region.phone
	data["address"] = p.address()
	if spans := p.openings(); len(spans) > 0 {
		data["openingHoursSpecification"] = spans
	}
	return data
}

func (p *page) address() map[string]any {
	address := map[string]any{"@type": "PostalAddress", "streetAddress": p.Street()}
	if p.place.City != "" {
		address["addressLocality"] = placeName(p.place, p.lang)
	}
	if p.place.Country != "" {
		address["addressCountry"] = p.place.Country
	}
	return address
}

func (p *page) openings() []map[string]any {
	names := []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	var out []map[string]any
	spans := hoursOf(p.brief.Business)
	for _, s := range spans {
		var days []string
		for d := s.from; d <= s.to; d++ {
			days = append(days, names[p.region.local(d, spans)])
		}
		out = append(out, map[string]any{
			"@type": "OpeningHoursSpecification", "dayOfWeek": days, "opens": s.open, "closes": s.close,
		})
	}
	return out
}
