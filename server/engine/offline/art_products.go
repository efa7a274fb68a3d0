package offline

import "fmt"

// product draws a thing that stands at y = 366 of 400; an unknown one is a
// basket.
func product(c *canvas, kind string) {
	draw, known := products[kind]
	if !known {
		draw = drawBasket
	}
	draw(c)
}

var products = map[string]func(*canvas){
	"vase":    drawVase,
	"lamp":    drawLamp,
	"bowl":    drawBowl,
	"books":   drawBooks,
	"candle":  drawCandle,
	"carafe":  drawCarafe,
	"mug":     drawMug,
	"textile": drawTextile,
	"stool":   drawStool,
	"basket":  drawBasket,
}

func drawVase(c *canvas) {
	c.line("M200 150C196 100 176 70 150 48M200 150C204 90 226 60 262 40M200 140V30", "deep", 4)
	for _, l := range [][2]float64{{150, 48}, {262, 40}, {200, 30}, {176, 84}, {232, 76}} {
		c.circle(l[0], l[1], 13, "accent")
	}
	c.path("M176 132H224C222 176 276 206 276 272C276 330 246 366 200 366S124 330 124 272C124 206 178 176 176 132Z", "surface")
	c.path("M126 262C128 330 156 366 200 366S272 330 274 262C230 282 170 282 126 262Z", "accent")
}

func drawLamp(c *canvas) {
	c.path("M140 96H260L300 216H100Z", "accent")
	c.path("M140 96H200V216H100Z", "accent-2")
	c.rect(193, 216, 14, 116, "deep")
	c.path("M136 366C136 340 164 330 200 330S264 340 264 366Z", "deep")
}

func drawBowl(c *canvas) {
	c.path("M90 232H310C310 310 262 348 200 348S90 310 90 232Z", "surface")
	c.path("M90 232H310C310 250 307 266 302 280C240 296 160 296 98 280C93 266 90 250 90 232Z", "accent")
	c.rect(162, 346, 76, 20, "deep")
	for i := range 3 {
		c.circle(150+float64(i)*50, 212-float64(i%2)*18, 30, []string{"accent-2", "accent", "accent-2"}[i])
	}
}

func drawBooks(c *canvas) {
	for i, b := range [][3]float64{{70, 330, 260}, {86, 294, 220}, {78, 258, 240}} {
		c.round(b[0], b[1], b[2], 36, 4, []string{"accent", "surface", "deep"}[i])
		c.rect(b[0]+22, b[1], 8, 36, "accent-2")
	}
	c.path("M200 258C176 258 160 240 160 214H240C240 240 224 258 200 258Z", "accent")
}

func drawCandle(c *canvas) {
	c.path("M200 92C216 116 222 130 200 148C178 130 184 116 200 92Z", "accent")
	c.rect(197, 146, 6, 26, "deep")
	c.round(138, 170, 124, 196, 14, "surface")
	c.rect(138, 226, 124, 84, "accent")
	c.rect(156, 250, 88, 6, "tint")
	c.rect(156, 270, 56, 6, "tint")
}

func drawCarafe(c *canvas) {
	c.path("M174 60H226V150C226 190 276 214 276 296C276 344 246 366 200 366S124 344 124 296C124 214 174 190 174 150Z", "surface")
	c.path("M132 268C170 250 230 286 270 262C274 272 276 284 276 296C276 344 246 366 200 366S124 344 124 296C124 286 128 276 132 268Z", "accent")
	c.round(180, 40, 40, 30, 6, "deep")
}

func drawMug(c *canvas) {
	c.add(`<path d="M272 210q64 0 52 58t-64 40" fill="none" stroke="%s" stroke-width="18"/>`, paint("deep"))
	c.path("M110 176H282V316C282 350 256 366 226 366H166C136 366 110 350 110 316Z", "accent")
	c.path("M110 176H282V236C230 258 160 216 110 240Z", "surface")
	c.line("M160 146q-14-22 0-42t0-42M216 146q-14-22 0-42t0-42", "deep", 4)
}

func drawTextile(c *canvas) {
	for i, f := range []string{"accent", "surface", "accent-2", "deep"} {
		y := 322 - float64(i)*48
		c.round(84+float64(i)*6, y, 232-float64(i)*12, 44, 20, f)
		c.line(fmt.Sprintf("M%d %.4gH%d", 110+i*6, y+22, 290-i*6), "tint", 2)
	}
}

func drawStool(c *canvas) {
	c.line("M140 220L110 362M260 220L290 362M200 220V362", "deep", 14)
	c.line("M124 300H276", "deep", 8)
	c.round(100, 178, 200, 46, 22, "accent")
}

func drawBasket(c *canvas) {
	c.add(`<path d="M120 230Q200 60 280 230" fill="none" stroke="%s" stroke-width="14"/>`, paint("deep"))
	c.path("M92 226H308L284 352Q282 366 268 366H132Q118 366 116 352Z", "accent")
	for i := range 5 {
		c.line(fmt.Sprintf("M%d %dQ200 %d %d %d", 100+i*4, 250+i*24, 262+i*24, 300-i*4, 250+i*24), "tint", 4)
	}
}
