package offline

import "fmt"

// drawHair shows somebody from behind, long hair falling in strands in front
// of a low sun.
func drawHair(c *canvas) {
	c.rect(0, 0, 480, 580, "tint")
	c.circle(330, 190, 150, "accent-2")
	c.path("M0 470C90 430 150 452 240 470S400 500 480 452V580H0Z", "paper")
	// Shoulders and neck.
	c.path("M70 580C78 470 150 446 205 432L208 350H272L275 432C330 446 402 470 410 580Z", "accent")
	c.path("M206 436C222 452 258 452 274 436L270 340H210Z", "skin-1")
	// The hair's mass, then its strands.
	c.path("M240 96C318 96 352 160 346 236C342 300 372 330 362 402C356 450 336 480 306 498C286 478 262 508 240 488C218 508 194 478 174 498C144 480 124 450 118 402C108 330 138 300 134 236C128 160 162 96 240 96Z", "deep")
	const strands = 34
	for i := range strands {
		t := (float64(i)+0.5)/strands*2 - 1
		top, mid, end := 240+t*18, 240+t*104, 240+t*112+c.float(-10, 10)
		bend := c.float(14, 30)
		color := c.pick("accent", "accent-2", "accent-2", "tint", "accent")
		c.line(fmt.Sprintf("M%.4g %.4gC%.4g 150 %.4g 220 %.4g 280S%.4g 370 %.4g %.4g",
			top, 104+t*t*26, 240+t*82, mid, mid-t*6, mid+bend*t, end, c.float(424, 478)), color, c.float(0.8, 2.1))
	}
	// A twig in the hair.
	for i := range 7 {
		x, y := 178+float64(i)*21, 172-float64(i)*float64(6-i)*3.2
		c.add(`<g transform="rotate(%.4g %.4g %.4g)"><ellipse cx="%.4g" cy="%.4g" rx="15" ry="6" fill="%s"/></g>`,
			-38+float64(i)*16, x, y, x, y, paint("paper"))
		c.circle(x+9, y+10, 3.2, "accent-2")
	}
}

// drawTress is a tile of flowing strands around a round form.
func drawTress(c *canvas) {
	grounds := []string{"tint", "accent", "deep", "accent-2"}
	ground := c.number(len(grounds))
	c.rect(0, 0, 320, 320, grounds[ground])
	light := []string{"accent", "tint", "accent-2", "deep"}[ground]
	second := []string{"accent-2", "accent-2", "tint", "paper"}[ground]
	x, y := c.float(70, 250), c.float(70, 200)
	c.circle(x, y, c.float(50, 88), second)
	const strands = 22
	lift, sway := c.float(-120, 120), c.float(30, 90)
	for i := range strands {
		at := -60 + float64(i)*20
		c.line(fmt.Sprintf("M%.4g -10C%.4g 90 %.4g 150 %.4g 190S%.4g 280 %.4g 330",
			at, at+sway, at-sway+lift*0.4, at+lift*0.5, at+sway+lift, at+lift), light, 1.2+float64(i%4)*0.9)
	}
}

// drawWoman and drawMan are portraits with one of several kinds of hair.
func drawWoman(c *canvas) { portrait(c, []func(*canvas, string, string){longHair, tiedHair, scarf}) }

func drawMan(c *canvas) { portrait(c, []func(*canvas, string, string){shortHair, beard}) }

func drawBob(c *canvas) { portrait(c, []func(*canvas, string, string){longHair}) }

// portrait is a head and shoulders without a face.
func portrait(c *canvas, styles []func(c *canvas, skin, hair string)) {
	skin := c.pick("skin-1", "skin-2", "skin-3", "skin-4")
	hair := c.pick("#2a1d18", "#5b3a29", "#3b3836", "#7a4a2c", "#8d8780")
	cloth := c.pick("accent", "deep", "accent")
	style := styles[c.number(len(styles))]
	c.rect(0, 0, 320, 360, c.pick("tint", "accent-2", "tint", "line"))
	c.circle(160, 180, 128, "paper")
	c.path("M36 360C40 296 92 278 134 266V226H186V266C228 278 280 296 284 360Z", cloth)
	c.path("M134 262C146 286 174 286 186 262V214H134Z", skin)
	style(c, skin, hair)
}

func face(c *canvas, skin string) {
	c.add(`<ellipse cx="160" cy="162" rx="52" ry="64" fill="%s"/>`, paint(skin))
}

func longHair(c *canvas, skin, hair string) {
	c.path("M160 66C230 66 246 120 242 178C240 230 252 262 240 292C224 300 204 296 196 268H124C116 296 96 300 80 292C68 262 80 230 78 178C74 120 90 66 160 66Z", hair)
	c.path("M134 262C146 286 174 286 186 262V214H134Z", skin)
	face(c, skin)
	c.path("M106 164C100 108 126 82 162 82C200 82 220 110 214 164C204 138 186 124 164 120C140 126 114 138 106 164Z", hair)
}

func tiedHair(c *canvas, skin, hair string) {
	c.circle(160, 70, 28, hair)
	face(c, skin)
	c.path("M104 160C100 106 126 84 160 84S220 106 216 160C206 132 186 118 160 118S114 132 104 160Z", hair)
}

func scarf(c *canvas, skin, _ string) {
	c.path("M160 74C214 74 230 120 226 168C224 214 236 250 226 288C200 300 120 300 94 288C84 250 96 214 94 168C90 120 106 74 160 74Z", c.pick("deep", "accent"))
	c.add(`<ellipse cx="160" cy="170" rx="44" ry="56" fill="%s"/>`, paint(skin))
}

func shortHair(c *canvas, skin, hair string) {
	face(c, skin)
	c.path("M104 156C96 98 124 74 164 76C206 76 224 104 214 156C208 132 200 122 176 120C148 122 124 118 112 130C108 140 106 148 104 156Z", hair)
}

func beard(c *canvas, skin, hair string) {
	shortHair(c, skin, hair)
	c.path("M108 166C112 214 132 232 160 232S208 214 212 166C206 190 190 198 160 198S114 190 108 166Z", hair)
}
