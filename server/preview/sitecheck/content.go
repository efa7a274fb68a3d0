package sitecheck

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"strings"
)

const (
	// maxPixels is the largest picture: a file of a few bytes can claim any size,
	// and a phone shows none beyond it.
	maxPixels = 64 << 20
	// maxDecoded is how many pixels of a site are decoded, each of which takes up
	// to eight bytes. Of further pictures only the start is read.
	maxDecoded = 8 << 20
)

// pictureFormat reads pictures of one kind.
type pictureFormat struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var pictureFormats = map[string]pictureFormat{
	".png":  {png.DecodeConfig, png.Decode},
	".jpg":  {jpeg.DecodeConfig, jpeg.Decode},
	".jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	".gif":  {gif.DecodeConfig, gif.Decode},
}

// signatures are what files of a kind have at an offset, by extension: one of
// the marks. They follow the MIME Sniffing standard, section 6.
var signatures = map[string]struct {
	offset int
	marks  []string
}{
	".webp":  {8, []string{"WEBP"}},
	".avif":  {4, []string{"ftyp"}},
	".mp4":   {4, []string{"ftyp"}},
	".webm":  {0, []string{"\x1a\x45\xdf\xa3"}},
	".ogg":   {0, []string{"OggS"}},
	".wav":   {8, []string{"WAVE"}},
	".mp3":   {0, []string{"ID3", "\xff\xfb", "\xff\xfa", "\xff\xf3", "\xff\xf2"}},
	".ico":   {0, []string{"\x00\x00\x01\x00", "\x89PNG"}},
	".woff":  {0, []string{"wOFF"}},
	".woff2": {0, []string{"wOF2"}},
	".ttf":   {0, []string{"\x00\x01\x00\x00", "true", "ttcf", "OTTO"}},
	".otf":   {0, []string{"OTTO", "\x00\x01\x00\x00"}},
	".pdf":   {0, []string{"%PDF-"}},
	".wasm":  {0, []string{"\x00asm"}},
	".vtt":   {0, []string{"WEBVTT", "\ufeffWEBVTT"}},
}

// checkContent judges whether a file is of the kind that its name says. What
// has a parser of its own is judged there; an empty file fails where it is used.
func (c *checker) checkContent(f File) {
	ext := strings.ToLower(path.Ext(f.Path))
	if len(f.Content) == 0 {
		c.empty[f.Path] = true
		return
	}
	if format, ok := pictureFormats[ext]; ok {
		c.checkPicture(f, format)
	}
	if signature, ok := signatures[ext]; ok {
		c.expect(hasMark(f.Content, signature.offset, signature.marks), RuleContent, f.Path, 0, "the file is no %s", ext[1:])
	}
	if ext == ".txt" || ext == ".csv" {
		start := bytes.ToLower(bytes.TrimSpace(f.Content[:min(len(f.Content), maxQuote)]))
		page := bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html"))
		c.expect(!page, RuleContent, f.Path, 0, "the file is a page, not %s", ext[1:])
	}
}

func hasMark(content []byte, offset int, marks []string) bool {
	for _, mark := range marks {
		if len(content) >= offset && bytes.HasPrefix(content[offset:], []byte(mark)) {
			return true
		}
	}
	return false
}

// checkPicture decodes a picture. What the decoder knows but cannot read, such
// as a rare compression, browsers may show.
func (c *checker) checkPicture(f File, format pictureFormat) {
	c.checks++
	config, err := format.config(bytes.NewReader(f.Content))
	if err == nil && config.Width*config.Height > maxPixels {
		c.fail(RuleContent, f.Path, 0, "the picture has %d × %d pixels, more than %d", config.Width, config.Height, maxPixels)
		return
	}
	c.pixels += config.Width * config.Height
	if err == nil && c.pixels <= maxDecoded {
		_, err = format.decode(bytes.NewReader(f.Content))
	}
	if err != nil && !unsupported(err) {
		c.fail(RuleContent, f.Path, 0, "the picture cannot be read: %s", err)
	}
}

func unsupported(err error) bool {
	_, ofJPEG := errors.AsType[jpeg.UnsupportedError](err)
	_, ofPNG := errors.AsType[png.UnsupportedError](err)
	return ofJPEG || ofPNG
}
