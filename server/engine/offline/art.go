package offline

import (
	"fmt"
	"math"
	"strings"
)

// canvas collects the shapes of a picture. Colors are the theme's custom
// properties, so that a picture follows the theme.
type canvas struct {
	strings.Builder
	rng
	w, h float64
}

// rng is a splitmix64 generator: small, and the same on every machine.
type rng struct{ state uint64 }

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float returns a number in [lo, hi).
func (r *rng) float(lo, hi float64) float64 {
	return lo + (hi-lo)*float64(r.next()>>11)/(1<<53)
}

// pick returns one of the options.
func (r *rng) pick(options ...string) string { return options[r.next()%uint64(len(options))] }

// number returns an integer in [0, n).
func (r *rng) number(n int) int { return int(r.next() % uint64(n)) } //nolint:gosec // below n, which is small

// add writes shapes; numbers are to be formatted with %.4g or %d.
func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format, args...) }

func (c *canvas) rect(x, y, w, h float64, fill string) {
	c.add(`<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" fill="%s"/>`, x, y, w, h, paint(fill))
}

func (c *canvas) round(x, y, w, h, r float64, fill string) {
	c.add(`<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" rx="%.4g" fill="%s"/>`, x, y, w, h, r, paint(fill))
}

func (c *canvas) circle(x, y, r float64, fill string) {
	c.add(`<circle cx="%.4g" cy="%.4g" r="%.4g" fill="%s"/>`, x, y, r, paint(fill))
}

func (c *canvas) ring(x, y, r, width float64, stroke string) {
	c.add(`<circle cx="%.4g" cy="%.4g" r="%.4g" fill="none" stroke="%s" stroke-width="%.4g"/>`, x, y, r, paint(stroke), width)
}

func (c *canvas) path(d, fill string) { c.add(`<path d="%s" fill="%s"/>`, d, paint(fill)) }

func (c *canvas) line(d, stroke string, width float64) {
	c.add(`<path d="%s" fill="none" stroke="%s" stroke-width="%.4g" stroke-linecap="round" stroke-linejoin="round"/>`, d, paint(stroke), width)
}

// paint turns the name of a theme color into a reference to it.
func paint(name string) string {
	if name == "none" || strings.HasPrefix(name, "#") {
		return name
	}
	return "var(--" + name + ")"
}

// sketch is a picture and its size.
type sketch struct {
	w, h float64
	draw func(*canvas)
}

// sketches by name; what follows a dash in a name goes by variant.
var sketches = map[string]sketch{
	"hair":      {480, 580, drawHair},
	"tress":     {320, 320, drawTress},
	"woman":     {320, 360, drawWoman},
	"man":       {320, 360, drawMan},
	"bob":       {320, 360, drawBob},
	"table":     {640, 640, drawTable},
	"plate":     {320, 320, drawPlate},
	"shelf":     {640, 520, drawShelf},
	"dashboard": {880, 520, drawDashboard},
	"board":     {520, 380, drawBoard},
	"rules":     {520, 380, drawRules},
	"report":    {520, 380, drawReport},
	"compose":   {640, 480, drawCompose},
	"landscape": {640, 420, drawLandscape},
	"burst":     {640, 640, drawBurst},
	"stripes":   {640, 640, drawStripes},
	"kettle":    {320, 320, drawKettle},
	"care":      {560, 520, drawCare},
	"shapes":    {640, 560, drawShapes},
	"waves":     {640, 420, drawWaves},
	"map":       {640, 420, drawMap},
}

// draw returns a picture as SVG, hidden from assistive technology: pictures
// here adorn, what they show stands in the text beside them.
func draw(name string, seed uint64) string {
	s, known := sketches[name]
	if !known {
		kind, ok := strings.CutPrefix(name, "product-")
		if !ok {
			return ""
		}
		s = sketch{400, 400, func(c *canvas) { drawProduct(c, kind) }}
	}
	c := &canvas{rng: rng{state: seed}, w: s.w, h: s.h}
	c.add(`<svg class="art art-%s" viewBox="0 0 %.4g %.4g" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">`, name, s.w, s.h)
	s.draw(c)
	c.add(`</svg>`)
	return c.String()
}

// polar returns the point at an angle in turns and a distance from a center.
func polar(x, y, turn, r float64) (px, py float64) {
	sin, cos := math.Sincos(turn * 2 * math.Pi)
	return x + cos*r, y + sin*r
}
