package offline

import (
	"math"
	"strings"
)

// hues are the colors that a prompt may name, in degrees.
var hues = map[string]float64{
	"red": 355, "orange": 25, "yellow": 50, "green": 130, "teal": 180, "blue": 218, "purple": 275, "pink": 335,
}

// colorWords name the hues in all languages, folded.
var colorWords = map[string]string{
	"red": "red rouge rojo roja rot rote rotes احمر", "orange": "orange naranja برتقالي",
	"yellow": "yellow jaune amarillo amarilla gelb gelbe اصفر", "green": "green vert verte verde grun grune grunes اخضر",
	"teal": "teal turquoise turquesa turkis فيروزي", "blue": "blue bleu bleue azul blau blaue blaues ازرق",
	"purple": "purple violet violette morado lila violett بنفسجي", "pink": "pink rose rosa وردي",
}

// colorIn returns the hue that folded text names; none if it names several, or
// nothing that colors could be used for.
func colorIn(text string) string {
	found := ""
	if !strings.Contains(text, " use ") && !strings.Contains(text, " make it ") && !colorTalk(text) {
		return ""
	}
	for color, words := range colorWords {
		for word := range strings.FieldsSeq(words) {
			if !strings.Contains(text, " "+word+" ") && !strings.Contains(text, " ال"+word+" ") {
				continue
			}
			if found != "" && found != color {
				return ""
			}
			found = color
		}
	}
	return found
}

// colorTalk says whether folded text speaks of colors at all.
func colorTalk(text string) bool {
	for _, word := range []string{" color", " colour", " couleur", " farbe", " utilise ", " usa ", " verwende ", " nutze ", " لون", " اللون", " الوان", " استخدم "} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// recolored returns the palette in another hue: what is tinted turns, what is
// neutral stays, and contrast is computed from the result as for any palette.
func (p palette) recolored(color string) palette {
	target, ok := hues[color]
	if !ok {
		return p
	}
	turn := target - hueOf(p.accent)
	for _, part := range []*string{&p.paper, &p.surface, &p.tint, &p.ink, &p.accent, &p.deep} {
		*part = turned(*part, turn)
	}
	p.accent, p.deep = ground(p.accent), ground(p.deep)
	return p
}

// ground darkens a color of middle lightness, on which neither white nor black is
// readable, until white is.
func ground(color string) string {
	for contrast(color, white) < readable && contrast(color, black) < readable {
		color = mix(color, black, 0.03)
	}
	return color
}

// hueOf returns a color's hue in degrees.
func hueOf(color string) float64 {
	h, _, _ := toHSL(color)
	return h
}

func turned(color string, degrees float64) string {
	h, s, l := toHSL(color)
	return fromHSL(math.Mod(h+degrees+720, 360), s, l)
}

func toHSL(color string) (h, s, l float64) {
	c := channels(color)
	r, g, b := c[0]/255, c[1]/255, c[2]/255
	high, low := max(r, g, b), min(r, g, b)
	l = (high + low) / 2
	d := high - low
	if d == 0 {
		return 0, 0, l
	}
	s = d / (1 - math.Abs(2*l-1))
	switch high {
	case r:
		h = math.Mod((g-b)/d+6, 6)
	case g:
		h = (b-r)/d + 2
	default:
		h = (r-g)/d + 4
	}
	return h * 60, s, l
}

func fromHSL(h, s, l float64) string {
	spread := s * min(l, 1-l)
	channel := func(n float64) string {
		k := math.Mod(n+h/30, 12)
		value := l - spread*max(-1, min(k-3, 9-k, 1))
		return hexByte(value)
	}
	return "#" + channel(0) + channel(8) + channel(4)
}

func hexByte(v float64) string {
	const digits = "0123456789abcdef"
	n := int(math.Round(v * 255))
	return string([]byte{digits[n>>4&15], digits[n&15]})
}
