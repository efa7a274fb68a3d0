package sitecheck

// maxJSOpen is how many tokens may be open at once: those of the statement that
// the scan is in, and of all the statements around it. JavaScript nests without
// brackets too (!!!a, a=>b=>c, a.b.c), and a parser that recurses needs up to
// four kilobytes for each step; a stack that overflows ends the process. Ten
// thousand stay under 100 MB, and no page that people wrote comes near.
const maxJSOpen = 10_000

// deepJS returns the offset at which too much is open, if there is such a place.
//
// A statement ends at a semicolon or, without one, at a line break between two
// operands. In an array a comma ends the element; elsewhere it may join
// expressions, which the parser nests.
func deepJS(tokens []jsToken) (offset int, deep bool) {
	levels := []jsLevel{{}}
	total := 0
	var last jsToken
	for _, t := range tokens {
		top := &levels[len(levels)-1]
		if top.ended && t.text != "else" || statementBreak(last, t) {
			total -= top.tokens
			top.tokens = 0
		}
		top.ended = false
		top.tokens++
		total++
		if total > maxJSOpen {
			return t.offset, true
		}
		if t.kind == jsPunctuation {
			switch t.text {
			case "(", "[", "{", "${":
				levels = append(levels, jsLevel{array: t.text == "["})
			case ")", "]", "}":
				if len(levels) > 1 {
					total -= top.tokens
					levels = levels[:len(levels)-1]
				}
			case ";":
				top.ended = true
			case ",":
				top.ended = top.array
			}
		}
		last = t
	}
	return 0, false
}

// jsLevel is what is open between a bracket and its end.
type jsLevel struct {
	tokens int
	array  bool
	// ended says that the statement or element is over, unless an else follows.
	ended bool
}

// statementBreak says whether the line break before next ends a statement that
// last is the end of.
func statementBreak(last, next jsToken) bool {
	if !next.newline || next.kind != jsWord {
		return false
	}
	switch next.text {
	case "as", "catch", "else", "extends", "finally", "from", "in", "instanceof", "of", "while":
		return false
	}
	switch last.kind {
	case jsWord:
		return !expectsOperand(last.text)
	case jsPunctuation:
		return last.text == "]" || last.text == "}"
	default:
		return true
	}
}
