package preview

import (
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/sheenapps/sheen/server/preview/sitepath"
)

// contentSecurityPolicy lets a page use its own origin and nothing else. The
// sandbox gives every page an opaque origin; 'self' still means the address
// that the page came from.
func contentSecurityPolicy(frameAncestors []string) string {
	ancestors := "'none'"
	if len(frameAncestors) > 0 {
		ancestors = strings.Join(frameAncestors, " ")
	}
	return strings.Join([]string{
		"sandbox allow-scripts allow-forms",
		"default-src 'self' 'unsafe-inline' data: blob:",
		"object-src 'none'",
		"base-uri 'self'",
		"form-action 'self'",
		"frame-ancestors " + ancestors,
	}, "; ")
}

// setIsolation sets what every response carries, errors included.
func setIsolation(header http.Header, policy string) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Permissions-Policy", "accelerometer=(), autoplay=(), camera=(), display-capture=(), "+
		"geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()")
	header.Set("X-Dns-Prefetch-Control", "off")
	// A sandboxed page has an opaque origin, so its own style sheets, fonts and
	// modules are cross-origin to it. Nothing is given away: whoever knows the
	// label may read the site, and no request carries credentials.
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Access-Control-Allow-Origin", "*")
}

// setFile sets the headers that depend on the file's name. The files of a
// version never change, so all but its pages may be kept for a year; a page is
// asked for again so that a version that is taken away is gone. Where the version
// is not fixed, as at a project's own address, everything is asked for again.
func setFile(header http.Header, name string, fixed bool) {
	contentType, known := sitepath.ContentType(name)
	header.Set("Content-Type", contentType)
	if !known {
		header.Set("Content-Disposition",
			mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	}
	if !fixed || sitepath.IsPage(name) {
		header.Set("Cache-Control", "public, max-age=0, must-revalidate")
	} else {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
}

// writeText answers with a status and its standard text.
func writeText(w http.ResponseWriter, r *http.Request, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, status, []byte(http.StatusText(status)+"\n"))
}

// writeBody answers with a status and a body. A client that went away while it
// is written needs no answer, so the error of writing is dropped.
func writeBody(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
