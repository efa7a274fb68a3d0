package rules

// aliasesES are the Spanish words for each kind.
var aliasesES = map[Kind][]string{
	Contact: {
		"contacto", "contactar", "contáctanos", "datos de contacto", "información de contacto", "formulario de contacto",
		"teléfono", "número de teléfono", "correo", "correo electrónico", "dirección", "horario", "horario de apertura",
		"ubicación", "mapa", "cómo llegar", "contáctenos", "escríbenos", "celular", "número de celular",
		"correo de contacto", "dónde estamos", "horarios", "horario de atención",
	},
	Pricing: {
		"precio", "precios", "lista de precios", "tarifa", "tarifas", "planes de precios", "paquetes",
		"listado de precios", "tabla de precios", "planes y precios", "costos", "costes",
	},
	FAQ: {
		"preguntas frecuentes", "preguntas comunes", "dudas frecuentes", "centro de ayuda", "preguntas y respuestas",
		"dudas",
	},
	About: {
		"sobre nosotros", "sobre mí", "acerca de", "quiénes somos", "nuestra historia", "mi historia",
		"acerca de nosotros", "conócenos", "quién soy", "nuestra empresa",
	},
	Services: {
		"servicios", "nuestros servicios", "lista de servicios", "tratamientos", "carta", "carta de platos", "productos",
		"catálogo", "menú del restaurante", "menú del día", "qué ofrecemos", "catálogo de productos",
	},
	Team: {
		"equipo", "nuestro equipo", "miembros del equipo", "empleados", "ponentes", "entrenadores",
		"nuestro personal", "profesores", "médicos",
	},
	Booking: {
		"reserva", "reservas", "reservar", "reservas en línea", "reserva online", "cita", "citas", "cita previa",
		"calendario", "inscripción", "entradas", "turno", "turnos", "agendar", "agendar una cita", "reservaciones",
		"reserva de mesa", "pedir cita", "reserva en línea", "agenda en línea",
	},
	Payment: {
		"pago", "pagos", "pago en línea", "pagos en línea", "pago online", "formas de pago", "métodos de pago", "carrito",
		"tarjeta de crédito", "venta en línea", "pagar en línea", "pasarela de pago", "carrito de compra",
		"carrito de compras", "pago con tarjeta", "vender en línea",
	},
	Newsletter: {
		"boletín", "boletín de noticias", "lista de correo", "suscripción al boletín", "boletín informativo",
		"suscripción por correo",
	},
	Blog: {
		"bitácora", "noticias", "artículos", "entradas de blog", "novedades", "publicaciones", "artículos del blog",
	},
	Social: {
		"redes sociales", "medios sociales", "enlaces sociales", "botones para compartir", "enlaces a redes",
		"enlaces a redes sociales", "perfiles sociales",
	},
	Testimonials: {
		"testimonio", "testimonios", "opiniones", "opiniones de clientes", "reseñas", "reseñas de clientes",
		"valoraciones", "comentarios de clientes", "reseña", "clientes satisfechos",
	},
	Portfolio: {
		"portafolio", "porfolio", "proyectos", "trabajos", "nuestros trabajos", "casos de éxito", "muestra de trabajos",
		"trabajos realizados", "mis trabajos",
	},
	Gallery: {
		"galería", "galería de fotos", "galería de imágenes", "fotos", "imágenes", "antes y después", "álbum de fotos",
		"galería fotográfica",
	},
	DarkMode: {
		"modo oscuro", "tema oscuro", "modo noche", "modo nocturno", "versión oscura",
	},
	SEO: {
		"posicionamiento", "posicionamiento web", "buscadores", "motores de búsqueda", "mapa del sitio",
		"aparecer en google", "salir en google", "optimización para buscadores",
	},
	Analytics: {
		"analítica", "analítica web", "estadísticas", "visitas", "métricas", "estadísticas de visitas",
		"medición de visitas",
	},
	Mobile: {
		"móvil", "versión móvil", "adaptado a móviles", "diseño adaptable", "velocidad de carga", "versión para celular",
		"versión para móviles", "que cargue rápido",
	},
	Accessibility: {
		"accesibilidad", "accesible", "lector de pantalla", "lectores de pantalla", "discapacidad", "accesibilidad web",
		"contraste alto", "personas con discapacidad",
	},
}
