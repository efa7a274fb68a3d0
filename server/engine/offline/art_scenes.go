package offline

import "fmt"

// drawDashboard is the screen of a product: figures, a chart, a list.
func drawDashboard(c *canvas) {
	c.round(0, 0, 880, 520, 18, "surface")
	c.path("M18 0H196V520H18A18 18 0 0 1 0 502V18A18 18 0 0 1 18 0Z", "deep")
	c.circle(36, 40, 12, "accent-2")
	c.round(58, 34, 84, 12, 6, "deep-muted")
	for i := range 6 {
		y := 96 + float64(i)*44
		if i == 1 {
			c.round(16, y-12, 164, 36, 10, "accent")
		}
		c.round(32, y, 12, 12, 4, []string{"deep-muted", "on-accent", "deep-muted"}[min(i, 2)])
		c.round(56, y, c.float(56, 96), 11, 5.5, []string{"deep-muted", "on-accent", "deep-muted"}[min(i, 2)])
	}
	c.round(228, 34, 180, 18, 9, "ink")
	c.round(760, 28, 88, 30, 15, "accent")
	for i := range 3 {
		x := 228 + float64(i)*210
		c.round(x, 84, 196, 92, 14, "paper")
		c.add(`<rect x="%.4g" y="84" width="196" height="92" rx="14" fill="none" stroke="%s"/>`, x, paint("line"))
		c.round(x+18, 102, 70, 9, 4.5, "line")
		c.round(x+18, 122, c.float(74, 104), 22, 6, "ink")
		c.round(x+18, 154, 44, 9, 4.5, []string{"accent-2", "accent", "accent-2"}[i])
	}
	c.round(228, 194, 406, 298, 14, "paper")
	c.add(`<rect x="228" y="194" width="406" height="298" rx="14" fill="none" stroke="%s"/>`, paint("line"))
	chart(c, 248, 240, 366, 226)
	c.round(650, 194, 198, 298, 14, "tint")
	for i := range 6 {
		y := 218 + float64(i)*44
		c.circle(682, y+10, 13, []string{"accent", "accent-2", "deep"}[i%3])
		c.round(706, y, c.float(70, 116), 9, 4.5, "ink")
		c.round(706, y+15, c.float(40, 80), 7, 3.5, "line")
	}
}

// chart draws bars under a rising line.
func chart(c *canvas, x, y, w, h float64) {
	c.round(x, y-26, 120, 11, 5.5, "ink")
	// A page from right to left mirrors the picture, but not which way is up.
	c.add(`<g class="plot">`)
	const bars = 10
	step := w / bars
	var d string
	for i := range bars {
		height := h * (0.22 + 0.055*float64(i) + c.float(-0.06, 0.1))
		c.round(x+float64(i)*step+4, y+h-height, step-12, height, 5, "tint")
		dot := fmt.Sprintf("%.4g %.4g", x+float64(i)*step+step/2-2, y+h-height-24)
		if i == 0 {
			d = "M" + dot
		} else {
			d += "L" + dot
		}
	}
	c.line(d, "accent", 4)
	c.line(fmt.Sprintf("M%.4g %.4gH%.4g", x, y+h, x+w), "line", 2)
	c.add(`</g>`)
}

// drawBoard is a part of a screen: cards in columns.
func drawBoard(c *canvas) {
	c.round(0, 0, 520, 380, 20, "tint")
	for col := range 3 {
		x := 32 + float64(col)*156
		c.round(x, 34, 78, 12, 6, "ink")
		for row := range 3 - col%2 {
			y := 64 + float64(row)*96
			c.round(x, y, 144, 84, 12, "surface")
			c.round(x+14, y+16, c.float(60, 110), 10, 5, "ink")
			c.round(x+14, y+34, c.float(40, 90), 8, 4, "line")
			c.round(x+14, y+56, 40, 12, 6, []string{"accent", "accent-2", "deep"}[(row+col)%3])
		}
	}
}

// drawRules is a part of a screen: steps that follow from each other.
func drawRules(c *canvas) {
	c.round(0, 0, 520, 380, 20, "tint")
	c.line("M118 84V300", "accent", 3)
	for i, fill := range []string{"accent", "accent-2", "deep"} {
		y := 46 + float64(i)*104
		c.round(150, y, 326, 84, 14, "surface")
		c.circle(118, y+42, 22, fill)
		c.circle(118, y+42, 8, "surface")
		c.round(176, y+22, c.float(130, 190), 12, 6, "ink")
		c.round(176, y+48, c.float(90, 150), 10, 5, "line")
		c.round(412, y+32, 40, 22, 11, []string{"accent", "accent", "line"}[i])
		c.circle([]float64{441, 441, 423}[i], y+43, 8, "surface")
	}
}

// drawReport is a part of a screen: a page with a chart.
func drawReport(c *canvas) {
	c.round(0, 0, 520, 380, 20, "tint")
	c.round(36, 36, 448, 308, 16, "surface")
	for i := range 3 {
		x := 66 + float64(i)*134
		c.round(x, 62, 60, 8, 4, "line")
		c.round(x, 78, c.float(70, 100), 16, 6, []string{"ink", "accent", "ink"}[i])
	}
	chart(c, 66, 150, 388, 164)
}

// drawMap is a piece of a town with a river and a pin.
func drawMap(c *canvas) {
	c.rect(0, 0, 640, 420, "tint")
	for range 5 {
		c.round(c.float(-40, 560), c.float(-30, 360), c.float(70, 150), c.float(50, 110), 8, "paper")
	}
	bend := c.float(-60, 60)
	c.line(fmt.Sprintf("M-20 %.4gC150 %.4g 240 %.4g 360 %.4gS560 %.4g 680 %.4g", 330+bend, 260+bend, 400-bend, 330.0, 240-bend, 290.0), "accent-2", 46)
	for i := range 6 {
		y := 20 + float64(i)*78 + c.float(-12, 12)
		c.line(fmt.Sprintf("M-10 %.4gL650 %.4g", y, y+c.float(-50, 50)), "surface", 9)
	}
	for i := range 7 {
		x := 30 + float64(i)*98 + c.float(-16, 16)
		c.line(fmt.Sprintf("M%.4g -10L%.4g 430", x, x+c.float(-70, 70)), "surface", 7)
	}
	c.line("M-10 120C180 150 330 120 660 210", "surface", 18)
	c.add(`<g transform="translate(320 190)"><ellipse cx="0" cy="8" rx="18" ry="6" fill="%s" opacity=".25"/><path d="M0 6C-30-30-34-44-34-58a34 34 0 0 1 68 0c0 14-4 28-34 64Z" fill="%s"/><circle cy="-58" r="13" fill="%s"/></g>`,
		paint("ink"), paint("accent"), paint("surface"))
}

// drawCare is a calm composition for a practice: leaves, a heart line, a cross.
func drawCare(c *canvas) {
	c.path("M60 270C40 130 150 40 290 40S540 120 530 270S430 500 280 490S76 400 60 270Z", "tint")
	c.circle(392, 168, 96, "accent-2")
	c.round(150, 150, 250, 250, 56, "surface")
	c.round(247, 200, 56, 150, 16, "accent")
	c.round(200, 247, 150, 56, 16, "accent")
	c.line("M40 420H150L176 372L214 462L246 396L264 420H520", "deep", 6)
	for i := range 6 {
		x, y := 96+float64(i)*10, 250-float64(i)*30
		c.add(`<path transform="translate(%.4g %.4g) rotate(%d) scale(30)" d="M0 0Q.5-.5 1 0Q.5 .5 0 0Z" fill="%s"/>`,
			x, y, []int{-160, -20}[i%2], paint("accent"))
	}
	c.line("M92 300C100 220 130 150 150 90", "accent", 4)
	for i := range 4 {
		c.circle(436+float64(i%2)*30, 300+float64(i/2)*30, 8, []string{"accent", "accent-2"}[i%2])
	}
}

// drawStripes are a runner's lanes and discs in motion.
func drawStripes(c *canvas) {
	c.rect(0, 0, 640, 640, "surface")
	for i := range 9 {
		x := -300 + float64(i)*120
		fill := []string{"tint", "surface", "tint", "accent", "surface", "accent-2", "tint", "surface", "tint"}[i]
		c.path(fmt.Sprintf("M%.4g 640L%.4g 0H%.4gL%.4g 640Z", x, x+380, x+470, x+90), fill)
	}
	// A barbell across.
	c.add(`<g transform="rotate(-16 320 340)">`)
	c.round(20, 332, 600, 16, 8, "ink")
	for i, r := range []float64{150, 118, 84} {
		x := 110 - float64(i)*30
		c.round(x, 340-r, 26, r*2, 10, []string{"ink", "accent", "ink"}[i])
		c.round(640-x-26, 340-r, 26, r*2, 10, []string{"ink", "accent", "ink"}[i])
	}
	c.add(`</g>`)
}

// drawKettle is a kettlebell in one of a few settings.
func drawKettle(c *canvas) {
	ground := c.pick("tint", "surface", "tint")
	c.rect(0, 0, 320, 320, ground)
	lean := c.float(-80, 80)
	c.path(fmt.Sprintf("M%.4g 320L%.4g 0H%.4gL%.4g 320Z", 60+lean, 190+lean, 250+lean, 120+lean), c.pick("accent-2", "accent"))
	switch c.number(3) {
	case 0:
		c.add(`<path d="M112 150Q108 66 160 66T208 150" fill="none" stroke="%s" stroke-width="24"/>`, paint("ink"))
		c.circle(160, 202, 78, "ink")
		c.circle(160, 202, 34, ground)
	case 1:
		c.circle(160, 160, 104, "ink")
		c.ring(160, 160, 78, 4, ground)
		c.circle(160, 160, 30, ground)
		c.circle(160, 160, 16, "ink")
	default:
		c.round(64, 148, 192, 24, 12, "ink")
		c.round(48, 96, 40, 128, 14, "ink")
		c.round(232, 96, 40, 128, 14, "ink")
		c.round(24, 122, 24, 76, 10, "ink")
		c.round(272, 122, 24, 76, 10, "ink")
	}
}
