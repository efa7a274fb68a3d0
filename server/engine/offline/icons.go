package offline

import (
	"fmt"
	"html"
	"strings"
)

// icons are line drawings on a grid of 24.
var icons = map[string]string{
	"arrow":    `<path d="M4 12h15M13 6l6 6-6 6"/>`,
	"check":    `<path d="m5 12.5 4.5 4.5L19 7"/>`,
	"clock":    `<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>`,
	"pin":      `<path d="M12 21c-5-5.6-7-8.4-7-11a7 7 0 0 1 14 0c0 2.600-2 5.400-7 11Z"/><circle cx="12" cy="10" r="2.500"/>`,
	"phone":    `<path d="M6 3h3l2 5-2.500 1.500a12 12 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3C10 21 3 14 3 6a3 3 0 0 1 3-3Z"/>`,
	"mail":     `<rect x="3" y="5" width="18" height="14" rx="2"/><path d="m4 7 8 6 8-6"/>`,
	"calendar": `<rect x="3.500" y="5" width="17" height="15" rx="2"/><path d="M3.500 10h17M8 3v4M16 3v4"/>`,
	"star":     `<path fill="currentColor" stroke="none" d="m12 3 2.700 5.900 6.300.7-4.700 4.300 1.300 6.300L12 17l-5.600 3.200 1.300-6.300L3 9.600l6.300-.7Z"/>`,
	"scissors": `<circle cx="6" cy="6.500" r="2.500"/><circle cx="6" cy="17.500" r="2.500"/><path d="M8 8l12 9M8 16l12-9"/>`,
	"drop":     `<path d="M12 3c4 5 6 8 6 11a6 6 0 0 1-12 0c0-3 2-6 6-11Z"/>`,
	"spark":    `<path d="M12 3c.8 5 3.200 7.800 9 9-5.800 1.200-8.200 4-9 9-.8-5-3.200-7.800-9-9 5.800-1.200 8.200-4 9-9Z"/>`,
	"leaf":     `<path d="M5 19C5 9 11 5 20 4c0 10-4 15-11 15-2 0-4-1-4-3 2-5 5-7 9-9"/>`,
	"heart":    `<path d="M12 20C5 15 3 12 3 8.500A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 9 1.500C21 12 19 15 12 20Z"/>`,
	"shield":   `<path d="M12 3 5 6v5c0 5 3 8 7 10 4-2 7-5 7-10V6Z"/><path d="m9 12 2 2 4-4"/>`,
	"bolt":     `<path d="M13 3 5 14h6l-1 7 8-11h-6Z"/>`,
	"chart":    `<path d="M4 20V4M4 20h16M8 16v-4M12.500 16V8M17 16v-6"/>`,
	"users":    `<circle cx="9" cy="8" r="3.500"/><path d="M3 20c0-4 2.500-6 6-6s6 2 6 6M15.500 5a3.500 3.500 0 0 1 0 6.500M17 14.500c2.600.6 4 2.500 4 5.500"/>`,
	"globe":    `<circle cx="12" cy="12" r="8.500"/><path d="M3.500 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17"/>`,
	"cart":     `<path d="M3 4h3l2.500 11h9L20 8H7"/><circle cx="10" cy="19" r="1.500"/><circle cx="16.500" cy="19" r="1.500"/>`,
	"plug":     `<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0ZM12 17v4"/>`,
	"pen":      `<path d="m4 20 1-5L16 4l4 4L9 19Z"/>`,
	"eye":      `<path d="M2 12c5-8 15-8 20 0-5 8-15 8-20 0Z"/><circle cx="12" cy="12" r="3"/>`,
	"ticket":   `<path d="M3 7h18v3.500a1.500 1.500 0 0 0 0 3V17H3v-3.500a1.500 1.500 0 0 0 0-3ZM14 7v10"/>`,
	"truck":    `<path d="M3 6h11v10H3ZM14 10h4l3 3v3h-7"/><circle cx="7" cy="18" r="1.800"/><circle cx="17" cy="18" r="1.800"/>`,
	"fire":     `<path d="M12 3c1 4 6 6 6 11a6 6 0 0 1-12 0c0-2 1-4 2-5 .5 2 1.500 3 2.500 3C11 9 10 6 12 3Z"/>`,
	"tooth":    `<path d="M7 4c2 0 3 1 5 1s3-1 5-1c3 0 4 3 3 7-.8 3-1.500 9-3.500 9S14 15 12 15s-2.500 5-4.500 5S4.800 14 4 11C3 7 4 4 7 4Z"/>`,
	"pulse":    `<path d="M3 12h4l2-5 4 10 2-5h6"/>`,
	"book":     `<path d="M4 5c3-1.500 6-1 8 1 2-2 5-2.500 8-1v13c-3-1.500-6-1-8 1-2-2-5-2.500-8-1ZM12 6v13"/>`,
	"moon":     `<path d="M20 14A8.500 8.500 0 1 1 10 4a7 7 0 0 0 10 10Z"/>`,
	"card":     `<rect x="3" y="6" width="18" height="13" rx="2"/><path d="M3 10.500h18M7 15h4"/>`,
}

func icon(name string) string {
	return `<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">` + icons[name] + `</svg>`
}

// favicon is the brand's initial on the theme's accent.
func (s *site) favicon() string {
	initial := (&page{edition: s.editions[0]}).Initial()
	onAccent := better(s.colors.accent, white, s.colors.ink, black)
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">`)
	fmt.Fprintf(&b, `<rect width="64" height="64" rx="16" fill="%s"/>`, s.colors.accent)
	fmt.Fprintf(&b, `<text x="32" y="44" font-family="Georgia,serif" font-size="36" font-weight="700" text-anchor="middle" fill="%s">%s</text></svg>`,
		onAccent, html.EscapeString(initial))
	return b.String()
}
