package offline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// palette is what a theme is made of; the other colors are computed from these
// so that every text has its contrast.
type palette struct {
	name                                             string
	paper, surface, tint, ink, accent, accent2, deep string
	// moods are the words of a prompt that this palette answers.
	moods string
}

// palettes by business; the seed chooses where nobody else does.
var palettes = map[string][]palette{
	"salon": {
		{"terracotta", "#fbf6f1", "#ffffff", "#f3e4d8", "#2b1d18", "#b4532f", "#e2a77c", "#3a211a", "warm natural"},
		{"plum", "#faf6f8", "#ffffff", "#f1e1ea", "#2a1a26", "#8d3566", "#dd9fbd", "#391a2f", "luxury elegant"},
		{"sage", "#f7f7f1", "#ffffff", "#e3e8d8", "#1f261d", "#4d6b3f", "#c3b183", "#26331f", "calm minimal modern"},
	},
	"restaurant": {
		{"olive", "#faf7ef", "#ffffff", "#ece6d2", "#20231a", "#a8441c", "#d9a441", "#222b1e", "natural traditional"},
		{"burgundy", "#fbf6f2", "#ffffff", "#f2e1da", "#2a1618", "#98243a", "#e0a96d", "#351319", "luxury elegant warm"},
		{"harbor", "#f6f8f8", "#ffffff", "#dfeaea", "#14232b", "#b3481f", "#6fa8a6", "#12303a", "modern calm minimal"},
	},
	"shop": {
		{"clay", "#f8f5f0", "#ffffff", "#ebe3d7", "#24201b", "#8f4a2b", "#c9b291", "#2d2620", "warm natural"},
		{"ink", "#f7f7f5", "#ffffff", "#e6e7e2", "#17191c", "#23408e", "#b9bfae", "#181c26", "modern minimal professional"},
		{"moss", "#f6f7f2", "#ffffff", "#e1e7d9", "#1c241d", "#33623f", "#d3b877", "#1d2c21", "calm"},
	},
	"saas": {
		{"indigo", "#ffffff", "#f7f7fd", "#ecebfc", "#15152b", "#4a3fd1", "#18b8a6", "#17153a", "modern"},
		{"emerald", "#ffffff", "#f5faf8", "#e0f2ea", "#0f231d", "#0b7a56", "#f0a63a", "#0b2a22", "natural calm"},
		{"cobalt", "#ffffff", "#f5f8fd", "#e2ecfb", "#0e1c33", "#1557c0", "#ff8a5c", "#0c1f40", "professional minimal"},
	},
	"portfolio": {
		{"vermilion", "#f6f4ef", "#ffffff", "#e9e5da", "#161513", "#c8361b", "#1f3a93", "#161513", "bold"},
		{"cobalt", "#f5f5f3", "#ffffff", "#e3e6ee", "#12141a", "#2440c4", "#f2b632", "#12141a", "modern professional"},
		{"forest", "#f5f4ee", "#ffffff", "#e2e6da", "#141a16", "#1f6a4a", "#e88a5a", "#15221b", "calm natural warm"},
	},
	"medical": {
		{"teal", "#f7fbfb", "#ffffff", "#dff0ef", "#12292c", "#0d6f74", "#f2a488", "#0f3a3e", "calm modern"},
		{"blue", "#f7fafd", "#ffffff", "#e1edf8", "#12243a", "#1c63b0", "#7cc6b0", "#10304f", "professional"},
		{"sage", "#f8faf6", "#ffffff", "#e4eedf", "#1b2a20", "#33704a", "#e8b07a", "#1c3a29", "natural warm"},
	},
	"gym": {
		{"volt", "#101210", "#191c19", "#222722", "#f4f6ef", "#c8f031", "#ff5c35", "#c8f031", "modern bold"},
		{"ember", "#13100f", "#1d1817", "#2a2220", "#f8f2ee", "#ff6a3d", "#ffd166", "#ff6a3d", "warm"},
		{"ice", "#0d1217", "#151c23", "#1d2731", "#eef4f8", "#5cd0ff", "#f5f749", "#5cd0ff", "minimal calm professional"},
	},
	"agency": {
		{"tangerine", "#fff8f0", "#ffffff", "#ffe6cf", "#1d1233", "#d13f0a", "#5b3df5", "#26124d", "bold playful"},
		{"ultramarine", "#f4f4ff", "#ffffff", "#e0e1ff", "#0e0f33", "#2b2bd8", "#ff6f59", "#13125c", "modern professional"},
		{"bottle", "#f7f6ee", "#ffffff", "#e3ead2", "#0f2419", "#0d6b45", "#ff7fb0", "#0c3324", "natural elegant"},
	},
	"event": {
		{"dusk", "#fdf6f3", "#ffffff", "#fbe3da", "#241436", "#c22d54", "#f6a54b", "#2c1248", "bold warm"},
		{"aurora", "#f4f8fa", "#ffffff", "#dcedf0", "#0c2038", "#0c6f8a", "#f4c14d", "#0c2444", "modern professional"},
		{"garden", "#faf8f2", "#ffffff", "#ece6d4", "#21291f", "#7a5220", "#a9bd8f", "#2b3a2a", "elegant natural traditional"},
	},
	"blog": {
		{"paper", "#fbf9f4", "#ffffff", "#efe9dc", "#211d18", "#a63d24", "#3e6b73", "#29241d", "traditional warm"},
		{"slate", "#f8f9fa", "#ffffff", "#e6eaee", "#1a2028", "#2d5b8a", "#d99a52", "#1d2733", "modern minimal"},
		{"fern", "#f9faf5", "#ffffff", "#e6ecdc", "#1d231b", "#42692f", "#cf8a5b", "#222d1e", "natural calm"},
	},
	"business": {
		{"navy", "#f9f9f7", "#ffffff", "#e6eaef", "#152033", "#1d4f91", "#d8a657", "#152a47", "professional"},
		{"pine", "#f8f9f5", "#ffffff", "#e2eae0", "#16241e", "#1f6b4d", "#dba05f", "#15332a", "natural calm"},
		{"brick", "#fbf8f5", "#ffffff", "#f3e3db", "#271b17", "#a63f28", "#7d9a95", "#33211b", "warm"},
	},
}

// themeOf chooses a palette: the one asked for by name, else one that fits an
// adjective of the prompt, else the seed's.
func themeOf(business, asked string, personality []string, seed uint64) int {
	known := palettes[business]
	for i, p := range known {
		if p.name == asked || asked != "" && strings.Contains(p.moods, asked) {
			return i
		}
	}
	for _, mood := range personality {
		for i, p := range known {
			if strings.Contains(p.moods, mood) {
				return i
			}
		}
	}
	return int(seed % uint64(len(known))) //nolint:gosec // an index of a short list
}

const (
	// readable is the contrast of text, AA of WCAG 2.2, with a little to spare.
	readable = 4.6
	white    = "#ffffff"
	black    = "#111111"
)

// properties returns the palette as CSS custom properties, in a fixed order.
func (p palette) properties() string {
	onAccent := better(p.accent, white, p.ink, black)
	onDeep := better(p.deep, p.paper, white, p.ink, black)
	vars := [][2]string{
		{"paper", p.paper},
		{"surface", p.surface},
		{"tint", p.tint},
		{"ink", p.ink},
		{"muted", legible(mix(p.ink, p.paper, 0.3), p.ink, p.paper, p.tint)},
		{"line", mix(p.ink, p.paper, 0.86)},
		{"accent", p.accent},
		{"accent-2", p.accent2},
		{"deep", p.deep},
		{"link", legible(p.accent, p.ink, p.paper, p.surface, p.tint)},
		{"on-accent", onAccent},
		{"on-deep", onDeep},
		{"deep-muted", legible(mix(onDeep, p.deep, 0.25), onDeep, p.deep)},
		{"deep-line", mix(onDeep, p.deep, 0.8)},
		{"deep-link", legible(p.accent2, onDeep, p.deep)},
		{"skin-1", "#e8b896"},
		{"skin-2", "#c68863"},
		{"skin-3", "#8a5a3c"},
		{"skin-4", "#f0cdb2"},
	}
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "--%s:%s;", v[0], v[1])
	}
	return b.String()
}

// dark is the palette for a dark scheme: the same hues on a deep ground. A
// palette that is dark already stays as it is.
func (p palette) dark() palette {
	if p.isDark() {
		return p
	}
	ground := mix(p.deep, black, 0.55)
	return palette{
		name: p.name, paper: ground, surface: mix(ground, white, 0.06), tint: mix(ground, p.accent2, 0.16),
		ink: mix(white, p.tint, 0.4), accent: legible(p.accent, white, ground), accent2: p.accent2,
		deep: mix(ground, black, 0.4),
	}
}

// isDark says whether a palette has light text on a dark ground.
func (p palette) isDark() bool {
	const dim = 0.2
	return luminance(p.paper) < dim
}

// light is a dark palette for a light scheme; its loud colors stay on grounds of
// their own.
func (p palette) light() palette {
	return palette{
		name: p.name, paper: mix(white, p.ink, 0.5), surface: white, tint: mix(white, p.accent, 0.22),
		ink: p.paper, accent: legible(p.accent, p.paper, white), accent2: p.accent2, deep: p.deep,
	}
}

// better returns the first candidate that is readable on ground, else the one
// with the most contrast.
func better(ground string, candidates ...string) string {
	best := candidates[0]
	for _, c := range candidates {
		if contrast(c, ground) >= readable {
			return c
		}
		if contrast(c, ground) > contrast(best, ground) {
			best = c
		}
	}
	return best
}

// legible moves color towards ink until it is readable on every ground.
func legible(color, ink string, grounds ...string) string {
	const steps = 20
	for step := range steps + 1 {
		candidate := mix(color, ink, float64(step)/steps)
		ok := true
		for _, ground := range grounds {
			ok = ok && contrast(candidate, ground) >= readable
		}
		if ok {
			return candidate
		}
	}
	return ink
}

// mix returns a with share of b in it, 0 to 1.
func mix(a, b string, share float64) string {
	x, y := channels(a), channels(b)
	var out [3]int
	for i := range out {
		out[i] = int(math.Round(x[i]*(1-share) + y[i]*share))
	}
	return fmt.Sprintf("#%02x%02x%02x", out[0], out[1], out[2])
}

// contrast is the ratio of WCAG 2, 1 to 21.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(color string) float64 {
	weights := [3]float64{0.2126, 0.7152, 0.0722}
	sum := 0.0
	for i, c := range channels(color) {
		c /= 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weights[i] * c
	}
	return sum
}

// channels returns red, green and blue of "#rrggbb", 0 to 255.
func channels(color string) [3]float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	if err != nil {
		return [3]float64{} // the colors are constants of this file
	}
	return [3]float64{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}
}
