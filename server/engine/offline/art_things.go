package offline

import "fmt"

// drawTable is a laid table seen from above.
func drawTable(c *canvas) {
	c.rect(0, 0, 640, 640, "deep")
	c.circle(330, 320, 300, "tint")
	c.add(`<circle cx="330" cy="320" r="286" fill="none" stroke="%s" stroke-width="1.5" stroke-dasharray="2 9"/>`, paint("accent-2"))
	plate(c, 330, 330, 158)
	plate(c, 148, 196, 84)
	plate(c, 520, 500, 92)
	// Glasses and a bowl.
	for _, g := range [][3]float64{{494, 176, 44}, {560, 262, 34}, {150, 470, 40}} {
		c.circle(g[0], g[1], g[2], "paper")
		c.circle(g[0], g[1], g[2]*0.78, "accent")
		c.circle(g[0]-g[2]*0.25, g[1]-g[2]*0.25, g[2]*0.2, "accent-2")
	}
	// Fork and knife.
	c.add(`<g transform="rotate(-14 120 340)"><path d="M112 250v52q0 16 10 18v120M122 250v50M132 250v52q0 16-10 18" fill="none" stroke="%s" stroke-width="5" stroke-linecap="round"/></g>`, paint("deep"))
	c.add(`<g transform="rotate(10 528 350)"><path d="M520 262q18 40 6 96l-6 2z" fill="%s"/><path d="M521 356v96" stroke="%s" stroke-width="7" stroke-linecap="round"/></g>`, paint("deep"), paint("deep"))
	for range 9 {
		leaf(c, c.float(70, 600), c.float(70, 600), c.float(10, 20), "accent-2")
	}
}

// drawPlate is one plate on a plain ground.
func drawPlate(c *canvas) {
	c.rect(0, 0, 320, 320, c.pick("tint", "deep", "accent-2", "accent"))
	plate(c, 160, 160, 118)
	leaf(c, 40, 60, 16, "paper")
	leaf(c, 284, 268, 18, "paper")
}

// plate draws a plate with one of several dishes.
func plate(c *canvas, x, y, r float64) {
	c.add(`<circle cx="%.4g" cy="%.4g" r="%.4g" fill="%s" opacity=".18"/>`, x+r*0.05, y+r*0.07, r, paint("ink"))
	c.circle(x, y, r, "surface")
	c.ring(x, y, r*0.94, 1.5, "line")
	c.circle(x, y, r*0.72, "paper")
	switch c.number(4) {
	case 0: // slices in a circle
		const slices = 7
		for i := range slices {
			px, py := polar(x, y, float64(i)/slices, r*0.36)
			c.circle(px, py, r*0.2, "accent")
			c.ring(px, py, r*0.13, r*0.025, "tint")
		}
		c.circle(x, y, r*0.16, "accent-2")
	case 1: // pasta
		c.circle(x, y, r*0.5, "accent-2")
		for i := range 9 {
			start := c.float(0, 1)
			ax, ay := polar(x, y, start, r*(0.12+0.045*float64(i)))
			bx, by := polar(x, y, start+0.42, r*(0.12+0.045*float64(i)))
			rr := r * (0.12 + 0.045*float64(i))
			c.line(fmt.Sprintf("M%.4g %.4gA%.4g %.4g 0 0 1 %.4g %.4g", ax, ay, rr, rr, bx, by), "tint", r*0.035)
		}
		for range 3 {
			px, py := polar(x, y, c.float(0, 1), r*c.float(0.1, 0.35))
			c.circle(px, py, r*0.09, "accent")
		}
	case 2: // fish and greens
		c.add(`<g transform="rotate(%.4g %.4g %.4g)"><path d="M%.4g %.4gq%.4g %.4g %.4g 0l%.4g %.4gv%.4gl%.4g %.4gq%.4g %.4g %.4g 0z" fill="%s"/></g>`,
			c.float(-40, 30), x, y, x-r*0.5, y, r*0.38, -r*0.42, r*0.74, r*0.24, -r*0.2, r*0.4, -r*0.24, -r*0.2, -r*0.38, r*0.42, -r*0.74, paint("accent"))
		for i := range 5 {
			px, py := polar(x, y, 0.1+float64(i)*0.09, r*0.5)
			leaf(c, px, py, r*0.13, "accent-2")
		}
	default: // soup
		c.circle(x, y, r*0.6, "accent")
		c.line(fmt.Sprintf("M%.4g %.4gq%.4g %.4g %.4g 0t%.4g 0", x-r*0.36, y, r*0.18, -r*0.3, r*0.36, r*0.36), "tint", r*0.05)
		for range 4 {
			px, py := polar(x, y, c.float(0, 1), r*c.float(0.2, 0.42))
			leaf(c, px, py, r*0.09, "accent-2")
		}
	}
}

func leaf(c *canvas, x, y, size float64, fill string) {
	c.add(`<path transform="translate(%.4g %.4g) rotate(%.4g) scale(%.4g)" d="M-1 0Q0-.9 1 0Q0 .9-1 0Z" fill="%s"/>`,
		x, y, c.float(0, 360), size, paint(fill))
}

// drawShelf is a still life of things on two boards.
func drawShelf(c *canvas) {
	c.rect(0, 0, 640, 520, "tint")
	c.path("M360 0H640V520H430C470 380 330 200 360 0Z", "accent-2")
	c.add(`<g transform="translate(20 30) scale(.55)">`)
	product(c, "vase")
	c.add(`</g><g transform="translate(220 30) scale(.55)">`)
	product(c, "lamp")
	c.add(`</g><g transform="translate(420 30) scale(.55)">`)
	product(c, "bowl")
	c.add(`</g>`)
	c.rect(30, 231, 580, 12, "deep")
	c.add(`<g transform="translate(40 274) scale(.52)">`)
	product(c, "books")
	c.add(`</g><g transform="translate(230 274) scale(.52)">`)
	product(c, "candle")
	c.add(`</g><g transform="translate(414 274) scale(.52)">`)
	product(c, "carafe")
	c.add(`</g>`)
	c.rect(30, 464, 580, 12, "deep")
}

// drawProduct is one thing on a plain ground.
func drawProduct(c *canvas, kind string) {
	c.rect(0, 0, 400, 400, "tint")
	c.add(`<circle cx="200" cy="196" r="150" fill="%s" opacity=".55"/>`, paint("accent-2"))
	c.add(`<ellipse cx="200" cy="366" rx="130" ry="10" fill="%s" opacity=".16"/>`, paint("ink"))
	product(c, kind)
}
