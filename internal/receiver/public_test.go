package receiver

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestPublicText: whatever is wrong with a URL in a text, its user, password, query and
// fragment are not shown.
func TestPublicText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`parse "http://user:s3cret@x:badport/api?token=t0p": invalid port`,
			`parse "http://xxxxx@x:badport/api?xxxxx": invalid port`},
		{`Get "http://u:***@127.0.0.1:7700/sd/a?token=t#frag": EOF`, `Get "http://xxxxx@127.0.0.1:7700/sd/a?xxxxx": EOF`},
		{"http://u@[::1/a", "http://xxxxx@[::1/a"},
		{"two: https://a/b, http://h/p?q=1 end", "two: https://a/b, http://h/p?xxxxx end"},
		{"no URL: a@b?c=d#e", "no URL: a@b?c=d#e"},
		{"http://h/a@b", "http://h/a@b"},
		// A quoted URL ends with its quotation mark.
		{`parse "http://u:p SECRET@h/w": net/url: invalid userinfo`,
			`parse "http://xxxxx@h/w": net/url: invalid userinfo`},
		{`x: parse "http://u:a\"SECRET@h:bad/": net/url: invalid userinfo`,
			`x: parse "http://xxxxx@h:bad/": net/url: invalid userinfo`},
		{`parse "http://h:bad/?k=A SECRET": invalid port`, `parse "http://h:bad/?xxxxx": invalid port`},
		{`parse "http://h:bad/?k=A'SECRET": invalid port`, `parse "http://h:bad/?xxxxx": invalid port`},
		{`parse "http://u:p@ho st/?k=SECRET": invalid character " " in host name, "a@b"`,
			`parse "http://xxxxx@ho st/?xxxxx": invalid character " " in host name, "a@b"`},
		{`parse "http://mimir:90O9/w": invalid port ":90O9" after host`,
			`parse "http://mimir:90O9/w": invalid port after host`},
		// What a URL's parts are depends on characters that a password may have.
		{`parse "http://u:p/SECRET@h/w": invalid port ":p" after host`,
			`parse "http://xxxxx@h/w": invalid port after host`},
		{`parse "http://u:p#SECRET@h/w": invalid port ":p" after host`, `parse "http://xxxxx": invalid port after host`},
		{`parse "http://u:p?SECRET@h/w": invalid port ":p" after host`, `parse "http://xxxxx": invalid port after host`},
		{`parse "1u:SECRET@h/w": first path segment in URL cannot contain colon`,
			`parse "xxxxx@h/w": first path segment in URL cannot contain colon`},
		{`Post "u:SECRET@h/w?k=SECRET": unsupported protocol scheme "u"`,
			`Post "xxxxx@h/w?xxxxx": unsupported protocol scheme`},
		{`Post "http://h/w": Post "http:u:SECRET@h": http: no Host in request URL`,
			`Post "http://h/w": Post "xxxxx@h": http: no Host in request URL`},
		{`Get "http://t/": failed to parse Location header "1u:SECRET@h": bad`,
			`Get "http://t/": failed to parse Location header "xxxxx@h": bad`},
		{`group "a \"http://u:SECRET@h\" b": failed`, `group "a \"http://xxxxx@h\" b": failed`},
		{"cut: Get \"http://u:SECRET…", "cut: Get \"http://xxxxx"},
		{"`http://u:SECRET@h` and 'http://u:SECRET@h'", "`http://xxxxx@h` and 'http://xxxxx@h'"},
		{"failed: http://u:a'SECRET@h/w?k=A'SECRET then 'http://h/a'b?k=A`SECRET'.",
			"failed: http://xxxxx@h/w?xxxxx then 'http://h/a'b?xxxxx'."},
		{"two @: http://u:SECRET@SECRET@h/w?to=a@SECRET", "two @: http://xxxxx@h/w?xxxxx"},
		{"('http://h/w?k=v'), `http://h/w#f`; x@y", "('http://h/w?xxxxx'), `http://h/w`; x@y"},
		{`field "a" of "b" in http://u:SECRET@h, see "https://docs/page" or "mailto"`,
			`field "a" of "b" in http://xxxxx@h, see "https://docs/page" or "mailto"`},
	} {
		if got := PublicText(c.text); got != c.want {
			t.Errorf("%q gives\n%q, want\n%q", c.text, got, c.want)
		} else if again := PublicText(got); again != got {
			t.Errorf("%q, made public twice, gives %q", got, again)
		}
	}
}

// TestPublicTextOfParsers: no secret is in what is shown of a library's errors.
func TestPublicTextOfParsers(t *testing.T) {
	for _, raw := range []string{
		"http://SECRET:p SECRET@h/w", `http://SECRET:a"SECRET@h:bad/`, "http://h:bad/?k=A SECRET", "http://h:bad/?k=A'SECRET",
		"http://SECRET:p@ho st/?k=SECRET", "http://SECRET:\\SECRET@h:b/", "http://SECRET:SECRET/SECRET@h/", "http://SECRET:SECRET?SECRET@h/",
		"http://SECRET:SECRET#SECRET@h/", "http://h:bad/#SECRET", "1u:SECRET@h/w", ":SECRET@h/", "SECRET:SECRET@h/\x7f", "http://[SECRET@h/",
		"http://h:bad/?k=`SECRET`", "http://SECRET:\x01SECRET@h/", "http://SECRET:☃ SECRET@h:x/", "http:SECRET:SECRET@h/\x01",
	} {
		_, err := url.Parse(raw)
		if err == nil {
			t.Errorf("%q is a URL", raw)
			continue
		}
		for _, text := range []string{err.Error(), "line 3: " + err.Error(), fmt.Sprintf("Post %q: %s", "http://rw/", err)} {
			if got := PublicText(text); strings.Contains(got, "SECRET") {
				t.Errorf("%q is shown as %q", text, got)
			}
		}
	}
}

func TestPublicURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://u:a'SECRET@h/w?k=A SECRET": "http://xxxxx@h/w?xxxxx",
		`http://h/w?k="SECRET`:             "http://h/w?xxxxx",
		"http://u:p@h/w?k=v#f":             "http://xxxxx@h/w?xxxxx",
		"u:SECRET@h/w":                     "xxxxx@h/w",
		"http:u:SECRET@h/w":                "xxxxx@h/w",
		"http:/u:SECRET@h/w?k=v":           "xxxxx@h/w?xxxxx",
		"http:///u:SECRET@h/w":             "http://xxxxx@h/w",
		"u:SEC?RET@h/w":                    "xxxxx",
		"http://u:SECRET@/w":               "http://xxxxx@/w",
		"/u:SECRET@h/w":                    "xxxxx@h/w",
		"mimir:9009/api/v1/push":           "mimir:9009/api/v1/push",
		"mimir/api/v1/push?k=v#s":          "mimir/api/v1/push?xxxxx",
		"//u:SECRET@h/w":                   "//xxxxx@h/w",
		"ftp://u:SECRET@h/w":               "ftp://xxxxx@h/w",
		"http://h/a@b":                     "http://h/a@b",
		"http://u:p%20SECRET@h/w%2":        "",
	} {
		u, err := url.Parse(raw)
		if (err != nil) != (want == "") {
			t.Errorf("%q: %v", raw, err)
		}
		if err != nil {
			continue
		}
		if got := PublicURL(u); got != want {
			t.Errorf("%q is shown as %q, want %q", raw, got, want)
		}
		if got := PublicRaw(raw); got != want {
			t.Errorf("the text %q is shown as %q, want %q", raw, got, want)
		}
	}
}

// tokenTransport asks for a token before each request, as that of oauth2 does, and fails
// with its error.
type tokenTransport struct{ err error }

func (f tokenTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestAnswerHasNoSecretOfTokenURL: neither in the error of the request for a token, nor
// where the server of tokens repeats its query.
func TestAnswerHasNoSecretOfTokenURL(t *testing.T) {
	const token = "http://SECRETUSER:SECRETPASS@127.0.0.1:1/t?k=SECRETKEY"
	for _, err := range []error{
		&url.Error{Op: "Post", URL: strings.Replace(token, "SECRETPASS", "***", 1), Err: errors.New("connection refused")},
		errors.New("oauth2: cannot fetch token: 404 no such path: /t?k=SECRETKEY"),
		errors.New("oauth2: bad key SECRETKEY"),
	} {
		s := httptest.NewServer(http.NotFoundHandler())
		c := Client{HTTP: &http.Client{Transport: tokenTransport{err}}, URL: s.URL + "/w", TokenURL: token, Timeout: time.Minute}
		a := c.Post(t.Context(), nil, 0, NewClock(time.Now, func() time.Duration { return 0 }))
		s.Close()
		if strings.Contains(a.Text, "SECRET") || !strings.Contains(a.Text, s.URL+"/w") {
			t.Errorf("the answer of %v is %q", err, a.Text)
		}
	}
}

// FuzzPublicText: what of a text was made public stays as it is, and a quoted URL shows no
// password, whatever it has.
func FuzzPublicText(f *testing.F) {
	f.Add("p SECRET")
	f.Add(`a"b`)
	f.Add("a/b#c?d@e")
	f.Fuzz(func(t *testing.T, password string) {
		raw := "http://SECRETUSER:" + password + "SECRET@h:bad/w?k=SECRET"
		if _, err := url.Parse(raw); err == nil {
			return // with a password such as "1/" the beginning is a host
		}
		text := (&url.Error{Op: "parse", URL: raw, Err: errors.New("bad")}).Error()
		got := PublicText(text)
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s is shown as %s", text, got)
		}
		if again := PublicText(got); again != got {
			t.Errorf("%s, made public twice, gives %s", got, again)
		}
	})
}
