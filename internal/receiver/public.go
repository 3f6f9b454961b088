package receiver

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// hidden stands for what of a URL is not shown, as in url.URL.Redacted.
const hidden = "xxxxx"

// PublicURL is what of a receiver's URL may be shown, logged and kept: not the user,
// the password, the query and the fragment, any of which may be a secret.
func PublicURL(u *url.URL) string {
	if u.Host == "" {
		return PublicRaw(u.String())
	}
	shown := *u
	shown.Fragment, shown.RawFragment = "", ""
	if shown.User != nil {
		shown.User = url.User(hidden)
	}
	if shown.RawQuery != "" {
		shown.RawQuery = hidden
	}
	return shown.String()
}

// PublicRaw is PublicURL of what was written for a URL and may be none: which part of it is
// a password cannot be said then, and all before the last @ is hidden.
func PublicRaw(raw string) string {
	u, err := url.Parse(raw)
	if err == nil && u.Host != "" {
		if !strings.ContainsAny(raw, "@?#") {
			return raw
		}
		return PublicURL(u)
	}
	scheme := rawScheme.FindString(raw)
	place, more := raw[len(scheme):], ""
	if i := strings.IndexAny(place, "?#"); i >= 0 {
		place, more = place[:i], place[i:]
	}
	if strings.Contains(more, "@") { // the password may have the ? or #
		return scheme + hidden
	}
	if i := strings.LastIndex(place, "@"); i >= 0 {
		place = hidden + place[i:]
	} else if err != nil && scheme != "" && more == "" && !strings.Contains(place, "/") {
		return scheme + hidden // errors of net/url end before a #, which the password may have
	}
	if strings.HasPrefix(more, "?") {
		place += "?" + hidden
	}
	return scheme + place
}

// rawScheme is the beginning of a URL that has a host.
var rawScheme = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//`)

// publicError is the text of an error of an HTTP client, in which the URLs are as those of
// PublicURL.
func publicError(err error, of ...string) string { return publicText(PublicText(err.Error()), of...) }

// publicText leaves out of a text what PublicURL leaves out of the URLs: receivers and
// proxies repeat what they were asked for.
func publicText(text string, of ...string) string {
	for _, one := range of {
		text = withoutSecrets(text, one)
	}
	return text
}

func withoutSecrets(text, of string) string {
	u, err := url.Parse(of)
	if err != nil {
		return text
	}
	secrets := []string{u.RawQuery, u.Fragment}
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.User.String(), password, u.User.Username())
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	for _, s := range secrets {
		if len(s) >= minSecret {
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	return text
}

// minSecret is the length in bytes below which a value is no secret: a text is to stay
// readable.
const minSecret = 6

// urlInText is a URL in a text, whether it is a valid one or not: scheme, user, host and path,
// query, and fragment. An apostrophe or a grave accent is of the URL unless a blank, a
// punctuation mark or the end follows.
var urlInText = regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*://)([^\\s\"/?#]*@)?" + urlChars +
	"(\\?" + urlChars + ")?(#" + urlChars + ")?")

const urlChars = "((?:[^\\s\"'`?#]|['`]+[^\\s\"'`?#.,:;)\\]}>])*)"

// quotedURL is a URL as errors of Go quote it: whatever follows what is done with a URL, and
// what begins with a scheme and its slashes. It ends with the quotation mark, or where the text was cut.
var quotedURL = regexp.MustCompile(
	`(?m)(\b(?:parse|Get|Head|Post|Put|Patch|Delete|Options|Location header) \\?"|"(?:[A-Za-z][A-Za-z0-9+.-]*://))` +
		`((?:[^"\\\n]|\\.)*)("|\\?$)`)

// partOfURL is what errors of Go repeat of a URL that they quote: it may be of a password.
var partOfURL = regexp.MustCompile(`(invalid port|unsupported protocol scheme) \\?"(?:[^"\\\n]|\\.)*"`)

// PublicText leaves out of the URLs in a text what PublicURL leaves out of a URL.
func PublicText(text string) string {
	text = quotedURL.ReplaceAllStringFunc(text, func(found string) string {
		m := quotedURL.FindStringSubmatch(found)
		begin := strings.Index(m[1], `"`) + 1
		quoted := m[1][begin:] + m[2]
		if m[3] != `"` {
			return m[1][:begin] + rawScheme.FindString(quoted) + hidden
		}
		raw, err := strconv.Unquote(`"` + quoted + `"`)
		if err != nil {
			return m[1][:begin] + PublicRaw(quoted) + m[3]
		}
		again := strconv.Quote(PublicRaw(raw))
		return m[1][:begin] + again[1:]
	})
	text = partOfURL.ReplaceAllString(text, "$1")
	return urlInText.ReplaceAllStringFunc(text, func(found string) string {
		m := urlInText.FindStringSubmatch(found)
		if m[2] != "" {
			m[2] = hidden + "@"
		}
		if m[4] != "" {
			m[4] = "?" + hidden
		}
		return m[1] + m[2] + m[3] + m[4]
	})
}
