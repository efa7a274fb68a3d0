package offline

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// wish is what the prompt of an update asks for.
type wish struct {
	// add and remove are kinds, in the order of analysis.Kinds.
	add, remove []string
	// brand is the new name, empty to keep the old one.
	brand string
	// color is a key of hues, darker asks for the dark scheme.
	color  string
	darker bool
}

// wishOf reads the prompt of an update. What is asked for stands before words
// such as "with" and "that": after them comes how it is to be, where other kinds
// are named in passing ("a page of questions, about prices and booking").
func wishOf(prompt, locale string) wish {
	var w wish
	if len(prompt) > analysis.MaxPrompt {
		prompt = strings.ToValidUTF8(prompt[:analysis.MaxPrompt], "")
	}
	w.brand = newName(prompt)
	text := foldText(prompt)
	for _, sentence := range sentenceEnd.Split(text, -1) {
		kinds := kindsOfSentence(sentence)
		if removal.MatchString(sentence) {
			w.remove = append(w.remove, kinds...)
		} else {
			w.add = append(w.add, kinds...)
		}
	}
	if w.darker = darker.MatchString(text); w.darker {
		w.add = without(w.add, "darkMode")
	}
	w.color = colorIn(text)
	if w.isEmpty() {
		w.add = analysis.Analyze(prompt, locale).Requirements
	}
	w.add, w.remove = ordered(w.add), ordered(w.remove)
	return w
}

func (w *wish) isEmpty() bool {
	return len(w.add) == 0 && len(w.remove) == 0 && w.brand == "" && w.color == "" && !w.darker
}

func without(kinds []string, kind string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == kind })
}

// The patterns read text as foldText returns it: words between single spaces.
var (
	sentenceEnd = regexp.MustCompile(`[.!?؟;]`)
	clauseStart = regexp.MustCompile(` (?:and (?:a|an|also|add)|also|plus|et (?:un|une|ajoute)|y (?:un|una|anade)|und (?:ein|eine|einen)|واضف|كما|ايضا) `)
	limit       = regexp.MustCompile(` (?:with|that|which|where|whose|about|avec|qui|que|con|mit|, (?:der|die|das|dem|den|in)|فيه|فيها|يعرض|تروي|حول|مع|لا) `)
	removal     = regexp.MustCompile(`(?:^| )(?:remove|delete|drop|get rid of|supprime[rz]?|enleve[rz]?|retire[rz]?|quita|elimina|borra|entferne|losche|احذف|ازل|امسح) `)
	darker      = regexp.MustCompile(` (?:darker|plus sombre|plus fonce|mas oscuro|mas oscura|dunkler|اغمق|داكن اكثر) `)
	renaming    = regexp.MustCompile(`(?i)(?:rename (?:it|the site|us|the brand|the business) (?:to|into|as)|change the name to|call it|renomme[zr]?(?:-la|-le| le site)? en|change le nom (?:en|pour)|cambia el nombre (?:a|por)|renombra(?:lo)? (?:a|como)|benenne (?:sie|es|die (?:web)?seite) in|ändere den namen (?:in|zu)|(?:غيّ?ر الاسم|غيّ?ر اسم الموقع) إلى)\s+(.+)`)
)

// kindsOfSentence returns the kinds before a colon, else those after it.
func kindsOfSentence(sentence string) (kinds []string) {
	for part := range strings.SplitSeq(sentence, ":") {
		for _, clause := range clauseStart.Split(part, -1) {
			kinds = append(kinds, kindsOfClause(clause)...)
		}
		if len(kinds) > 0 {
			break
		}
	}
	return kinds
}

// kindsOfClause returns the kinds of the first part of a clause that names any.
func kindsOfClause(clause string) []string {
	for _, part := range limit.Split(" "+clause+" ", -1) {
		if kinds := kindsIn(strings.Fields(strings.ReplaceAll(part, ",", " "))); len(kinds) > 0 {
			return kinds
		}
	}
	return nil
}

// phrase is a row of words that names a kind. Each word is the beginning of one
// in the text, or with a $ the whole.
type phrase struct {
	kind  string
	words []string
}

// phrases are sorted so that the longest come first: "social media" is no "media".
var phrases = sync.OnceValue(func() []phrase {
	var all []phrase
	for _, kind := range analysis.Kinds() {
		for words := range strings.SplitSeq(kindPhrases[kind], ",") {
			all = append(all, phrase{kind, strings.Fields(words)})
		}
	}
	slices.SortStableFunc(all, func(a, b phrase) int { return len(b.words) - len(a.words) })
	return all
})

func kindsIn(words []string) []string {
	var kinds []string
	for i := 0; i < len(words); {
		step := 1
		for _, p := range phrases() {
			if p.at(words[i:]) {
				kinds = append(kinds, p.kind)
				step = len(p.words)
				break
			}
		}
		i += step
	}
	return kinds
}

func (p phrase) at(words []string) bool {
	if len(p.words) > len(words) {
		return false
	}
	for i, want := range p.words {
		if !wordIs(words[i], want) {
			return false
		}
	}
	return true
}

// wordIs compares a word, in Arabic also without what is joined to its front.
func wordIs(word, want string) bool {
	stem, exact := strings.CutSuffix(want, "$")
	match := func(w string) bool { return w == stem || !exact && strings.HasPrefix(w, stem) }
	if match(word) {
		return true
	}
	if first, _ := utf8.DecodeRuneInString(word); !unicode.Is(unicode.Arabic, first) {
		return false
	}
	for _, joined := range []string{"وبال", "وال", "بال", "ولل", "لل", "ال", "و", "ب", "ل", "ف"} {
		if rest, ok := strings.CutPrefix(word, joined); ok && match(rest) {
			return true
		}
	}
	return false
}

// foldText returns s in lower case, without diacritics and with the words and
// marks that count between single spaces.
func foldText(s string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, r := range strings.ToLower(s) {
		if plain, ok := foldedRunes[r]; ok {
			r = plain
		}
		switch {
		case unicode.Is(unicode.Mn, r) || r == 'ـ':
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case r == '،' || r == ',':
			b.WriteString(" , ")
		case strings.ContainsRune(".!?؟;:", r):
			b.WriteString(" " + string(r) + " ")
		case r == 'ß':
			b.WriteString("ss")
		default:
			b.WriteByte(' ')
		}
	}
	return " " + strings.Join(strings.Fields(b.String()), " ") + " "
}

// foldedRunes is never written to.
var foldedRunes = func() map[rune]rune {
	out := map[rune]rune{}
	for plain, accented := range map[rune]string{
		'a': "àáâãäå", 'c': "ç", 'e': "èéêë", 'i': "ìíîï", 'n': "ñ", 'o': "òóôõö", 'u': "ùúûü",
		'ا': "أإآٱ", 'ي': "ىئ", 'ه': "ة", 'و': "ؤ",
	} {
		for _, r := range accented {
			out[r] = plain
		}
	}
	return out
}()

// newName returns the name that the prompt gives to the business, as the analysis
// would read it.
func newName(prompt string) string {
	found := renaming.FindStringSubmatch(prompt)
	if found == nil {
		return ""
	}
	name := strings.Trim(found[1], " \t\r\n.!\"'“”«»„‘’")
	if before, _, cut := strings.Cut(name, ". "); cut {
		name = before
	}
	a := analysis.Analyze("", "").WithAnswer("brand_name", "", name)
	if a.BrandDerived {
		return ""
	}
	return a.BrandName
}

// kindPhrases name the kinds in all languages of the suggestions, folded.
var kindPhrases = map[string]string{
	"contact": "contact,kontakt,get in touch,reach us,whatsapp,coordonnees,phone number,numero de telephone,telefonnummer," +
		"رقم الهاتف,رقم هاتف,اتصل,اتصال,تواصل,كلمنا,واتساب",
	"pricing":      "pric,tarif,preis,preci,prix,plans$,packages,forfait,memberships,fees,rates$,اسعار,سعر,باقات,باقه",
	"faq":          "faq,frequently asked,frequent questions,questions,foire aux questions,preguntas,haufig frag,haufige$,اسيله",
	"testimonials": "testimon,review,temoignage,avis,opinion,resena,kundenstimm,bewertung,rezension,customer voices,اراء,تقييم",
	"about": "about us,about me,about page,about section,our story,who we are,a propos,qui sommes,notre histoire,sobre nosotros," +
		"quienes somos,nuestra historia,uber uns,ueber uns,unsere geschichte,من نحن,قصتنا,نبذه",
	"services":      "service,prestation,leistung,dienstleistung,servicio,خدمات,خدمه",
	"portfolio":     "portfolio,portafolio,case stud,realisations,our work,past work,nos projets,معرض اعمال,معرض الاعمال,اعمالنا",
	"team":          "team,staff$,equipe,equipo,mitarbeiter,our people,فريق,طاقم",
	"booking":       "booking,book online,bookable,appointment,reserv,rendez vous,rdv$,buchung,onlinebuchung,termin,cita$,citas$,حجز,حجوزات,موعد,مواعيد",
	"payment":       "payment,pay online,checkout,paiement,pago,bezahl,zahlung,kasse$,stripe,paypal,دفع",
	"gallery":       "galler,galer,photo galler,fotogaler,bildergaler,photos$,fotos$,معرض صور,معرض الصور,صور",
	"newsletter":    "newsletter,mailing list,infolettre,lettre d information,boletin,rundbrief,نشره,قايمه بريديه",
	"blog":          "blog,articles$,articulo,artikel,actualites,news section,aktuelles,مدونه,مقالات",
	"social":        "social,reseaux sociaux,redes sociales,sozial medien,sozialen medien,instagram,facebook,tiktok,linkedin,تواصل اجتماعي,التواصل الاجتماعي,وسايل التواصل,سوشيال",
	"seo":           "seo$,search engine,google,site is found,referencement,moteurs de recherche,posicionamiento,buscadores,auffindbarkeit,suchmaschine,sitemap,محركات البحث,سيو",
	"analytics":     "analytic,analitica,statisti,estadistic,visitor stat,besucherstatisti,besucherzahl,mesure d audience,tracking,احصا,تحليلات",
	"mobile":        "mobile,mobil$,phone,smartphone,telephone,movil,handy,responsive,موبايل,جوال,هاتف,هواتف",
	"accessibility": "accessib,accesib,barrierefrei,screen reader,lecteur d ecran,wcag,rgaa,سهوله الوصول,امكانيه الوصول",
	"darkMode": "dark mode,dark theme,dark scheme,dark color,dark colour,dark$,night mode,mode sombre,theme sombre,mode nuit,modo oscuro,tema oscuro," +
		"dunkles farbschema,dunkler modus,dunklen modus,dunkles design,dunkelmodus,داكن,ليلي,مظلم",
}
