package receiver

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// hidden stands for what of a URL is not shown, as in url.URL.Redacted.
const hidden = "xxxxx"

// PublicURL is what of a receiver's URL may be shown, logged and kept: not the user,
// the password, the query and the fragment, any of which may be a secret.
func PublicURL(u *url.URL) string {
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

// publicError is the text of an error of an HTTP client, in which the URL is that of
// PublicURL.
func publicError(err error, of string) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(e.URL); parseErr == nil {
			err = &url.Error{Op: e.Op, URL: PublicURL(u), Err: e.Err}
		}
	}
	return publicText(err.Error(), of)
}

// publicText leaves out of a text what PublicURL leaves out of the URL: receivers and
// proxies repeat what they were asked for.
func publicText(text, of string) string {
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
// query, and fragment.
var urlInText = regexp.MustCompile("([A-Za-z][A-Za-z0-9+.-]*://)([^\\s\"'`/@]*@)?([^\\s\"'`?#]*)(\\?[^\\s\"'`#]*)?(#[^\\s\"'`]*)?")

// PublicText leaves out of the URLs in a text what PublicURL leaves out of a URL.
func PublicText(text string) string {
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
