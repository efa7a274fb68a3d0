package offline

import "fmt"

// drawCompose is a grid of plain forms; few rules, many pictures.
func drawCompose(c *canvas) {
	const cell = 160
	light := []string{"tint", "paper", "surface"}
	strong := []string{"accent", "deep", "accent-2"}
	for row := range 3 {
		for col := range 4 {
			x, y := float64(col)*cell, float64(row)*cell
			ground, figure := c.pick(light...), c.pick(strong...)
			if c.number(2) == 0 {
				ground, figure = figure, ground
			}
			c.rect(x, y, cell, cell, ground)
			form(c, x, y, cell, figure)
		}
	}
}

// form fills a square cell with one figure.
func form(c *canvas, x, y, s float64, fill string) {
	switch c.number(8) {
	case 0:
		c.circle(x+s/2, y+s/2, s/2, fill)
	case 1:
		c.path(fmt.Sprintf("M%.4g %.4gA%.4g %.4g 0 0 1 %.4g %.4gH%.4gZ", x, y, s, s, x+s, y+s, x), fill)
	case 2:
		c.path(fmt.Sprintf("M%.4g %.4gA%.4g %.4g 0 0 0 %.4g %.4gV%.4gZ", x+s, y, s, s, x, y+s, y), fill)
	case 3:
		c.path(fmt.Sprintf("M%.4g %.4gH%.4gL%.4g %.4gZ", x, y+s, x+s, x, y), fill)
	case 4:
		for i := range 4 {
			c.rect(x, y+float64(i)*s/4, s, s/8, fill)
		}
	case 5:
		c.path(fmt.Sprintf("M%.4g %.4gA%.4g %.4g 0 0 1 %.4g %.4gZ", x, y+s/2, s/2, s/2, x+s, y+s/2), fill)
	case 6:
		for i := range 9 {
			c.circle(x+s*(0.2+0.3*float64(i%3)), y+s*(0.2+0.3*float64(i/3)), s*0.07, fill)
		}
	default:
		c.ring(x+s/2, y+s/2, s*0.34, s*0.12, fill)
	}
}

// drawLandscape is hills, a sun and a road or water.
func drawLandscape(c *canvas) {
	sky := c.pick("tint", "accent-2", "tint")
	c.rect(0, 0, 640, 420, sky)
	sun := map[string]string{"tint": "accent-2", "accent-2": "tint"}[sky]
	c.circle(c.float(120, 520), c.float(90, 170), c.float(44, 84), sun)
	fills := []string{"accent-2", "link", "accent", "deep"}
	if sky == "accent-2" {
		fills[0] = "paper"
	}
	for i, fill := range fills {
		y := 190 + float64(i)*58
		a, b := c.float(-60, 50), c.float(-60, 50)
		c.add(`<path d="M0 %.4gC120 %.4g 220 %.4g 330 %.4gS560 %.4g 640 %.4gV420H0Z" fill="%s" opacity="%.3g"/>`,
			y+c.float(-20, 30), y+a, y+b, y+c.float(-30, 30), y-b, y+c.float(-30, 30), paint(fill), 0.72+0.09*float64(i))
	}
	switch c.number(3) {
	case 0: // trees
		for range 8 {
			x, h := c.float(20, 620), c.float(26, 62)
			c.path(fmt.Sprintf("M%.4g %.4gL%.4g 392L%.4g 392Z", x, 392-h, x-h*0.28, x+h*0.28), "paper")
		}
	case 1: // road
		c.line("M300 420C330 380 250 360 320 330S300 290 330 262", "paper", 9)
	default: // birds
		for range 6 {
			x, y := c.float(80, 560), c.float(40, 150)
			c.line(fmt.Sprintf("M%.4g %.4gq9-10 18 0q9-10 18 0", x, y), "ink", 3)
		}
	}
}

// drawBurst is a poster: rays and rings around an off-center sun.
func drawBurst(c *canvas) {
	c.rect(0, 0, 640, 640, "deep")
	x, y := c.float(300, 420), c.float(260, 340)
	const rays = 28
	for i := range rays {
		if i%2 == 0 {
			ax, ay := polar(x, y, float64(i)/rays, 700)
			bx, by := polar(x, y, float64(i+1)/rays, 700)
			c.path(fmt.Sprintf("M%.4g %.4gL%.4g %.4gL%.4g %.4gZ", x, y, ax, ay, bx, by), []string{"accent", "accent-2"}[i/2%2])
		}
	}
	for i, fill := range []string{"deep", "accent-2", "accent", "paper", "deep"} {
		c.circle(x, y, 210-float64(i)*42, fill)
	}
	for i := range 5 {
		c.round(40+float64(i)*118, 560, 88, 88, []float64{44, 8, 44, 0, 44}[i], []string{"paper", "accent-2", "accent", "paper", "accent-2"}[i])
	}
}

// drawShapes is a loose stack of big forms.
func drawShapes(c *canvas) {
	c.circle(430, 190, 170, "accent-2")
	c.round(60, 60, 250, 250, 28, "accent")
	c.path("M310 310H640V560H310Z", "deep")
	c.path("M310 560A250 250 0 0 1 560 310H310Z", "accent")
	c.circle(186, 430, 122, "deep")
	c.path("M64 430A122 122 0 0 1 308 430Z", "accent-2")
	for i := range 5 {
		c.rect(96, 96+float64(i)*40, 178, 14, "paper")
	}
	c.ring(430, 190, 92, 26, "paper")
	for i := range 12 {
		c.circle(470+float64(i%4)*42, 420+float64(i/4)*42, 8, "paper")
	}
}

// drawWaves is a field of parallel waves.
func drawWaves(c *canvas) {
	c.rect(0, 0, 640, 420, c.pick("tint", "deep"))
	c.circle(c.float(160, 480), c.float(120, 200), c.float(60, 110), "accent-2")
	phase, height := c.float(-60, 60), c.float(24, 60)
	for i := range 12 {
		y := 120 + float64(i)*26
		c.line(fmt.Sprintf("M-20 %.4gC%.4g %.4g %.4g %.4g 320 %.4gS%.4g %.4g 660 %.4g",
			y, 110+phase, y-height, 210+phase, y+height, y, 540+phase, y+height, y-10), []string{"accent", "accent-2", "accent"}[i%3], 2.5+float64(i)*0.6)
	}
}
