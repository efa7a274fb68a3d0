package rules

// aliasesES are the Spanish words for each kind.
var aliasesES = map[Kind][]string{
	Contact: {
		"contacto", "contactar", "contáctanos", "datos de contacto", "información de contacto", "formulario de contacto",
		"teléfono", "número de teléfono", "correo", "correo electrónico", "dirección", "horario", "horario de apertura",
		"ubicación", "mapa", "cómo llegar",
	},
	Pricing: {"precio", "precios", "lista de precios", "tarifa", "tarifas", "planes de precios", "paquetes"},
	FAQ:     {"preguntas frecuentes", "preguntas comunes", "dudas frecuentes", "centro de ayuda"},
	About:   {"sobre nosotros", "sobre mí", "acerca de", "quiénes somos", "nuestra historia", "mi historia"},
	Services: {
		"servicios", "nuestros servicios", "lista de servicios", "tratamientos", "carta", "carta de platos", "productos",
		"catálogo",
	},
	Team: {"equipo", "nuestro equipo", "miembros del equipo", "empleados", "ponentes", "entrenadores"},
	Booking: {
		"reserva", "reservas", "reservar", "reservas en línea", "reserva online", "cita", "citas", "cita previa",
		"calendario", "inscripción", "entradas",
	},
	Payment: {
		"pago", "pagos", "pago en línea", "pagos en línea", "pago online", "formas de pago", "métodos de pago", "carrito",
		"tarjeta de crédito", "venta en línea",
	},
	Newsletter: {"boletín", "boletín de noticias", "lista de correo", "suscripción al boletín"},
	Blog:       {"bitácora", "noticias", "artículos", "entradas de blog"},
	Social:     {"redes sociales", "medios sociales", "enlaces sociales", "botones para compartir"},
	Testimonials: {
		"testimonio", "testimonios", "opiniones", "opiniones de clientes", "reseñas", "reseñas de clientes",
		"valoraciones",
	},
	Portfolio:     {"portafolio", "porfolio", "proyectos", "trabajos", "nuestros trabajos", "casos de éxito"},
	Gallery:       {"galería", "galería de fotos", "galería de imágenes", "fotos", "imágenes", "antes y después"},
	DarkMode:      {"modo oscuro", "tema oscuro", "modo noche", "modo nocturno"},
	SEO:           {"posicionamiento", "posicionamiento web", "buscadores", "motores de búsqueda", "mapa del sitio"},
	Analytics:     {"analítica", "analítica web", "estadísticas", "visitas", "métricas"},
	Mobile:        {"móvil", "versión móvil", "adaptado a móviles", "diseño adaptable", "velocidad de carga"},
	Accessibility: {"accesibilidad", "accesible", "lector de pantalla", "lectores de pantalla", "discapacidad"},
}
