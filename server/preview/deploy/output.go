package deploy

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

const (
	// maxOutput is how much of the tool's output is kept, in bytes: the end of it,
	// where the answer is.
	maxOutput = 64 << 10
	// maxQuoted is how much of it an error quotes.
	maxQuoted = 1 << 10
)

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

// Write implements [io.Writer].
func (t *tail) Write(data []byte) (int, error) {
	t.kept = append(t.kept, data...)
	if len(t.kept) > 2*maxOutput {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-maxOutput:]...)
	}
	return len(data), nil
}

// String returns what is kept.
func (t *tail) String() string { return string(t.kept[max(0, len(t.kept)-maxOutput):]) }

// escapes are the control sequences of ECMA-48 that color and link text on a
// terminal: CSI, OSC with either end, and those of two characters.
var escapes = regexp.MustCompile(`\x1b\[[\x20-\x3f]*[\x40-\x7e]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[\x40-\x5a\x5c\x5e\x5f]`)

// plain is output as a file would have it.
func plain(output string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(escapes.ReplaceAllString(output, ""), "�"), "\r", "\n")
}

// addresses are those that Cloudflare Pages gives out.
var addresses = regexp.MustCompile(`https://[a-z0-9-]+(?:\.[a-z0-9-]+)*\.pages\.dev\b/?`)

// deployedURL finds the address of a deployment: the first one that is not
// called an alias, whatever the words around it, or else an alias. It is empty
// if there is none.
func deployedURL(text string) string {
	var alias string
	for line := range strings.Lines(text) {
		found := addresses.FindString(line)
		if found == "" {
			continue
		}
		u, err := url.Parse(found)
		if err != nil {
			continue
		}
		address := "https://" + u.Host + "/"
		if !strings.Contains(strings.ToLower(line), "alias") {
			return address
		}
		if alias == "" {
			alias = address
		}
	}
	return alias
}

// sign is what the tool says for a reason.
type sign struct {
	reason    Reason
	retryable bool
	words     *regexp.Regexp
}

// signs are tried in this order. Being limited comes first, as it is told with
// the code of a failed authentication.
var signs = []sign{
	{RateLimited, true, regexp.MustCompile(`(?i)rate.?limit|too many requests|throttling your request|\[code: (?:971|10429)\]|\bstatus(?: code)?:? 429\b`)},
	{ProjectMissing, false, regexp.MustCompile(`(?i)\[code: 8000007\]|project not found|project name does not match`)},
	{NotAuthenticated, false, regexp.MustCompile(`(?i)authentication error|unable to authenticate|not logged in|failed to log in|invalid access token|` +
		`set a CLOUDFLARE_API_TOKEN|invalid format for authorization|\[code: (?:6003|6111|7003|9106|9109|10000|10001)\]`)},
	{NotInstalled, false, regexp.MustCompile(`(?i)wrangler requires at least node|command not found|\bnode(?:js)?['’]?: (?:not found|no such file)`)},
	{Network, true, regexp.MustCompile(`(?i)fetch failed|getaddrinfo|socket hang up|network (?:error|connectivity)|malformed response from the API|` +
		`bad gateway|service unavailable|gateway time-?out|internal server error|\[code: 8000000\]|` +
		`\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|UND_ERR_\w+)\b`)},
}

// failureOf says what the tool complains about. What it does not know may be
// over the next time.
func failureOf(text string) *Error {
	quoted := errors.New("wrangler says: " + lastLines(text))
	for _, s := range signs {
		if s.words.MatchString(text) {
			return &Error{Reason: s.reason, Retryable: s.retryable, Err: quoted}
		}
	}
	return &Error{Reason: OutputUnclear, Retryable: true, Err: quoted}
}

// lastLines is the end of a text, on one line.
func lastLines(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxQuoted {
		return text
	}
	return strings.ToValidUTF8(text[len(text)-maxQuoted:], "")
}
