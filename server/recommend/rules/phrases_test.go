package rules

import (
	"slices"
	"testing"
)

// Phrases as people of each language and region write them, and what they mean.
func TestPhrases(t *testing.T) {
	t.Parallel()
	for language, phrases := range map[string]map[string]Kind{
		"English": {
			"our phone number": Contact, "opening hours": Contact, "price list": Pricing, "common questions": FAQ,
			"our story": About, "food menu": Services, "meet the team": Team, "book online": Booking,
			"table reservation": Booking, "credit card": Payment, "mailing list": Newsletter, "blog posts": Blog,
			"share buttons": Social, "customer reviews": Testimonials, "case studies": Portfolio,
			"before and after": Gallery, "night mode": DarkMode, "google ranking": SEO,
		},
		"French": {
			"les coordonnées": Contact, "horaires d'ouverture": Contact, "grille tarifaire": Pricing,
			"foire aux questions": FAQ, "qui sommes-nous": About, "nos prestations": Services, "notre équipe": Team,
			"prise de rendez-vous": Booking, "paiement en ligne": Payment, "lettre d'information": Newsletter,
			"actualités": Blog, "réseaux sociaux": Social, "avis clients": Testimonials, "nos réalisations": Portfolio,
			"galerie photos": Gallery, "mode sombre": DarkMode, "référencement naturel": SEO,
		},
		"Moroccan French": {
			"numéro de GSM": Contact, "prise de RDV": Booking, "RDV en ligne": Booking,
			"paiement à la livraison": Payment, "rapide sur GSM": Mobile,
		},
		"Spanish": {
			"datos de contacto": Contact, "horario de atención": Contact, "escríbenos": Contact,
			"tabla de precios": Pricing, "preguntas y respuestas": FAQ, "quiénes somos": About, "conócenos": About,
			"catálogo de productos": Services, "nuestro personal": Team, "agendar una cita": Booking,
			"reserva de mesa": Booking, "turnos": Booking, "carrito de compras": Payment, "pasarela de pago": Payment,
			"boletín informativo": Newsletter, "artículos del blog": Blog, "redes sociales": Social,
			"reseñas de clientes": Testimonials, "trabajos realizados": Portfolio, "álbum de fotos": Gallery,
			"modo nocturno": DarkMode, "aparecer en Google": SEO, "estadísticas de visitas": Analytics,
			"versión para celular": Mobile, "lectores de pantalla": Accessibility,
		},
		"German": {
			"Kontaktmöglichkeit": Contact, "Öffnungszeiten": Contact, "Wegbeschreibung": Contact,
			"Preise und Pakete": Pricing, "häufig gestellte Fragen": FAQ, "Über uns": About, "Firmenprofil": About,
			"Produktkatalog": Services, "Speisekarte": Services, "unser Team": Team, "Termin vereinbaren": Booking,
			"Tisch reservieren": Booking, "Kauf auf Rechnung": Payment, "E-Mail-Newsletter": Newsletter,
			"Blogartikel": Blog, "soziale Netzwerke": Social, "Kundenmeinungen": Testimonials,
			"Referenzprojekte": Portfolio, "Bildergalerie": Gallery, "Dunkelmodus": DarkMode,
			"bei Google gefunden werden": SEO, "Besucherzahlen": Analytics, "für Handys optimiert": Mobile,
			"barrierefreie Website": Accessibility,
		},
		"Arabic": {
			"معلومات التواصل": Contact, "ساعات العمل": Contact, "قائمة الأسعار": Pricing, "أسئلة شائعة": FAQ,
			"من نحن": About, "قائمة الطعام": Services, "فريق العمل": Team, "حجز موعد": Booking, "طرق الدفع": Payment,
			"نشرة بريدية": Newsletter, "مدونة": Blog, "وسائل التواصل الاجتماعي": Social, "آراء العملاء": Testimonials,
			"معرض أعمال": Portfolio, "معرض صور": Gallery, "الوضع الداكن": DarkMode, "محركات البحث": SEO,
		},
		"Egyptian Arabic": {
			"كلمونا": Contact, "نمرة التليفون": Contact, "رقم الموبايل": Contact, "مواعيد الشغل": Contact,
			"لستة أسعار": Pricing, "مين إحنا": About, "حكايتنا": About, "المنيو": Services, "دكاترة": Team,
			"حجز أونلاين": Booking, "احجز دلوقتي": Booking, "الدفع عند الاستلام": Payment, "محفظة إلكترونية": Payment,
			"إنستجرام": Social, "السوشيال ميديا": Social, "ريفيوهات": Testimonials, "سابقة أعمالنا": Portfolio,
			"ظهور في جوجل": SEO, "نسخة الموبايل": Mobile,
		},
		"Saudi Arabic": {
			"رقم الجوال": Contact, "أوقات الدوام": Contact, "موقعنا على الخريطة": Contact, "الأسعار والباقات": Pricing,
			"تعرف علينا": About, "خدمات المنشأة": Services, "طاقم العمل": Team, "حجز إلكتروني": Booking,
			"مواعيد متاحة": Booking, "مدى": Payment, "سلة المشتريات": Payment, "سناب شات": Social, "إنستقرام": Social,
			"تقييمات العملاء": Testimonials, "نماذج أعمال": Portfolio, "ظهور في قوقل": SEO, "سريع على الجوال": Mobile,
		},
		"Emirati Arabic": {
			"رقم الهاتف المتحرك": Contact, "ساعات الدوام": Contact, "رقم الواتساب": Contact, "أسعار الخدمات": Pricing,
			"قصتنا": About, "قائمة المنتجات": Services, "أعضاء الفريق": Team, "الحجز عبر الإنترنت": Booking,
			"حجز طاولة": Booking, "دفع بالبطاقة": Payment, "عربة التسوق": Payment, "انستغرام": Social,
			"حسابات التواصل": Social, "آراء المتعاملين": Testimonials, "ظهور في غوغل": SEO, "أصحاب الهمم": Accessibility,
		},
	} {
		if len(phrases) < 15 && language != "Moroccan French" {
			t.Errorf("%s has %d phrases", language, len(phrases))
		}
		for phrase, want := range phrases {
			if got := mentioned([]string{phrase}); !slices.Equal(got, []Kind{want}) {
				t.Errorf("%s: %q means %v, want %s", language, phrase, got, want)
			}
		}
	}
}

// Words that look like an alias and say something else.
func TestPhrasesThatMeanNothing(t *testing.T) {
	t.Parallel()
	for _, phrase := range []string{
		"personal training", "servicio a domicilio", "reparación de celular", "على مدى سنوات", "رد فوري", "فيزا السفر",
		"Angebot für Ärzte und Kliniken", "team building", "phone repair",
	} {
		if got := mentioned([]string{phrase}); got != nil {
			t.Errorf("%q means %v", phrase, got)
		}
	}
}

// What a site has is never suggested to it, in whatever words it has it.
func TestWhatExistsIsNeverSuggested(t *testing.T) {
	t.Parallel()
	for _, table := range languages {
		for kind, aliases := range table {
			for _, alias := range aliases {
				for _, facts := range []Facts{
					{BusinessType: "salon", Existing: []string{alias}, Missing: []string{string(kind)}},
					{Services: []string{alias}, Missing: []string{alias}},
					{BusinessType: "shop", Requirements: []string{alias}, Missing: []string{alias, string(kind)}},
				} {
					if slices.Contains(Suggest(facts, MaxLimit), kind) {
						t.Errorf("%s is suggested to a site with %q", kind, alias)
					}
				}
			}
		}
	}
}
