// Package sitepath says which file of a site an address means, and what kind of
// file that is. The server of preview sites and the check of their links both
// ask it, so that a link passes exactly if it works.
//
// It is pure and imports the standard library only. It does not know which
// files a site has: it names candidates, and the caller looks them up.
package sitepath

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	// Index is the file that answers for its folder.
	Index = "index.html"
	// NotFound is the file that a site may have for addresses without a file.
	NotFound = "404.html"
	// DefaultType is the content type of a file whose name says nothing.
	DefaultType = "application/octet-stream"
)

// maxEscaped bounds the escaped path of an address: file names have at most 255
// bytes, three characters each when escaped, and the rest is slack.
const maxEscaped = 1024

// Candidate is a file that an address may mean.
type Candidate struct {
	// Name is the file's path as the site's file table has it.
	Name string
	// Redirect says that the address lacks the final slash of a folder.
	// Relative links of the folder's index would go wrong without it.
	Redirect bool
}

// Candidates returns the files that an address may mean, the preferred one
// first, from its path as it was sent: still escaped. It returns nil for a path
// that no file can have: relative, too long, with an empty segment or one of
// dots, with a control character, a backslash or an escaped slash, or not UTF-8
// once it is unescaped.
func Candidates(escaped string) []Candidate {
	rest, rooted := strings.CutPrefix(escaped, "/")
	if !rooted || len(escaped) > maxEscaped {
		return nil
	}
	if rest == "" {
		return []Candidate{{Name: Index}}
	}
	folder := strings.HasSuffix(rest, "/")
	segments := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || !plainSegment(plain) {
			return nil
		}
		segments[i] = plain
	}
	name := strings.Join(segments, "/")
	if folder {
		return []Candidate{{Name: name + "/" + Index}}
	}
	candidates := []Candidate{{Name: name}}
	if path.Ext(name) == "" {
		candidates = append(candidates, Candidate{Name: name + ".html"})
	}
	return append(candidates, Candidate{Name: name + "/" + Index, Redirect: true})
}

// plainSegment says whether an unescaped segment can be part of a file's path.
func plainSegment(s string) bool {
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 || r == 0x7f || r == '/' || r == '\\'
	})
}

// ContentType returns the content type of the file called name, by its
// extension in any case, and whether the extension is one that previews show;
// otherwise the type is [DefaultType] and the file is only to be downloaded.
func ContentType(name string) (contentType string, known bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8", true
	case ".txt", ".md":
		return "text/plain; charset=utf-8", true
	case ".csv":
		return "text/csv; charset=utf-8", true
	case ".vtt":
		return "text/vtt; charset=utf-8", true
	case ".json", ".map":
		return "application/json", true
	case ".webmanifest":
		return "application/manifest+json", true
	case ".xml":
		return "application/xml", true
	case ".pdf":
		return "application/pdf", true
	case ".wasm":
		return "application/wasm", true
	}
	return mediaType(name)
}

// mediaType is ContentType for images, fonts, sound and film.
func mediaType(name string) (contentType string, known bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".svg":
		return "image/svg+xml", true
	case ".png":
		return "image/png", true
	case ".jpg", ".jpeg":
		return "image/jpeg", true
	case ".gif":
		return "image/gif", true
	case ".webp":
		return "image/webp", true
	case ".avif":
		return "image/avif", true
	case ".ico":
		return "image/x-icon", true
	case ".woff":
		return "font/woff", true
	case ".woff2":
		return "font/woff2", true
	case ".ttf":
		return "font/ttf", true
	case ".otf":
		return "font/otf", true
	case ".mp4":
		return "video/mp4", true
	case ".webm":
		return "video/webm", true
	case ".mp3":
		return "audio/mpeg", true
	case ".ogg":
		return "audio/ogg", true
	case ".wav":
		return "audio/wav", true
	}
	return DefaultType, false
}

// IsPage says whether the file called name is an HTML page.
func IsPage(name string) bool {
	contentType, _ := ContentType(name)
	return strings.HasPrefix(contentType, "text/html")
}
