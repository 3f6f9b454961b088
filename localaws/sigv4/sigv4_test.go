package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws/principal"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	key  = principal.AccessKey{ID: "AKIAEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
)

// asServed sends a request through net/http, as the cloud gets it, and gives
// what arrived to check.
func asServed(t *testing.T, r *http.Request, check func(r *http.Request, body []byte)) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		check(r, body)
	}))
	defer srv.Close()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Host = strings.TrimPrefix(srv.URL, "http://")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func sdkSigned(t *testing.T, method, url, body string, key principal.AccessKey, when time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Odd", "  two   words ")
	r.Header.Add("X-Odd", "again")
	sum := sha256.Sum256([]byte(body))
	cred := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret, SessionToken: key.SessionToken}
	if err := sdk.NewSigner().SignHTTP(t.Context(), cred, r, hex.EncodeToString(sum[:]), "aps", "us-east-2", when); err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(r *http.Request, body []byte, key principal.AccessKey, now time.Time) error {
	s, err := Parse(r)
	if err != nil {
		return err
	}
	return s.Verify(r, body, key, now)
}

func TestSDKSignatures(t *testing.T) {
	for _, url := range []string{
		"http://x.example/",
		"http://x.example",
		"http://x.example/tags/arn%3Aaws%3Aaps%3Aus-east-2%3A111122223333%3Aworkspace%2Fws-1",
		"http://x.example/a%20b/%C3%A9/c+d?q=up%7Bjob%3D%22a+b%22%7D&empty=&k=2&k=1&nothing&%C3%A9=%2F",
		"http://x.example/trailing/?match[]=up&time=1.5",
	} {
		t.Run(url, func(t *testing.T) {
			asServed(t, sdkSigned(t, "POST", url, "the body", key, noon), func(r *http.Request, body []byte) {
				if err := verify(r, body, key, noon); err != nil {
					t.Error(err)
				}
				if kindOf(verify(r, append(body, '!'), key, noon)) != Mismatch {
					t.Error("a changed body was accepted")
				}
				other := key
				other.Secret += "!"
				if kindOf(verify(r, body, other, noon)) != Mismatch {
					t.Error("a wrong secret was accepted")
				}
			})
		})
	}
}

// A client that names the body's hash, as Prometheus and S3's do, signs that name
// and not the body: a body changed on the way must not pass under it.
func TestNamedPayloadHash(t *testing.T) {
	for _, c := range []struct {
		named, body string
		want        Kind
	}{{"as sent", "as sent", 0}, {"as signed", "as sent", Mismatch}} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://x.example/", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(c.named))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		cred := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
		if err := sdk.NewSigner().SignHTTP(t.Context(), cred, r, hex.EncodeToString(sum[:]), "aps", "us-east-2", noon); err != nil {
			t.Fatal(err)
		}
		asServed(t, r, func(r *http.Request, body []byte) {
			if got := kindOf(verify(r, body, key, noon)); got != c.want {
				t.Errorf("named the hash of %q, sent %q: kind %d, want %d", c.named, c.body, got, c.want)
			}
		})
	}
}

func TestSDKPresignedURL(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://x.example/?Action=GetCallerIdentity&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	cred := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
	url, _, err := sdk.NewSigner().PresignHTTP(t.Context(), cred, r, hex.EncodeToString(empty[:]), "sts", "us-east-2", noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  Kind
	}{{0, 0}, {time.Minute, 0}, {time.Minute + time.Second, Expired}, {-6 * time.Minute, Expired}} {
		signed := httptest.NewRequest("GET", url, nil)
		if got := kindOf(verify(signed, nil, key, noon.Add(c.after))); got != c.want {
			t.Errorf("%s after signing: kind %d, want %d", c.after, got, c.want)
		}
	}
	if got := kindOf(verify(httptest.NewRequest("GET", url+"&Extra=1", nil), nil, key, noon)); got != Mismatch {
		t.Errorf("with a parameter added: kind %d", got)
	}
}

// AWS's worked example of the algorithm ("Create a signed AWS API request", IAM
// User Guide): the signature is Amazon's, not computed by anything here.
func TestPublishedExample(t *testing.T) {
	r := httptest.NewRequest("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "+
		"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
	if err := verify(r, nil, key, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)); err != nil {
		t.Error(err)
	}
}

func TestClockSkew(t *testing.T) {
	for _, c := range []struct {
		offset time.Duration
		want   string
	}{
		{-5 * time.Minute, ""},
		{5 * time.Minute, ""},
		{-6 * time.Minute, "Signature expired: 20261123T115400Z is now earlier than 20261123T115500Z (20261123T120000Z - 5 min.)"},
		{6 * time.Minute, "Signature not yet current: 20261123T120600Z is still later than 20261123T120500Z (20261123T120000Z + 5 min.)"},
	} {
		asServed(t, sdkSigned(t, "GET", "http://x.example/", "", key, noon.Add(c.offset)), func(r *http.Request, body []byte) {
			got := ""
			if err := verify(r, body, key, noon); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("signed %s off: %q, want %q", c.offset, got, c.want)
			}
		})
	}
}

func TestSessionTokens(t *testing.T) {
	session := principal.AccessKey{ID: "ASIAEXAMPLE", Secret: key.Secret, SessionToken: "token", Expires: noon.Add(time.Hour)}
	without, wrong := session, session
	without.SessionToken, wrong.SessionToken = "", "other"
	for name, c := range map[string]struct {
		signer principal.AccessKey
		now    time.Time
		want   Kind
	}{
		"valid":         {session, noon, 0},
		"missing token": {without, noon, UnknownKey},
		"wrong token":   {wrong, noon, UnknownKey},
		"expired":       {session, noon.Add(time.Hour), TokenExpired},
	} {
		t.Run(name, func(t *testing.T) {
			asServed(t, sdkSigned(t, "GET", "http://x.example/", "", c.signer, c.now), func(r *http.Request, body []byte) {
				if err := verify(r, body, session, c.now); kindOf(err) != c.want {
					t.Errorf("kind %d (%v), want %d", kindOf(err), err, c.want)
				}
			})
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-2/aps/aws4_request, SignedHeaders=host, Signature=00"
	for name, c := range map[string]struct {
		auth, date, query string
		kind              Kind
		says              string
	}{
		"nothing":   {kind: Missing, says: "Missing Authentication Token"},
		"bearer":    {auth: "Bearer secret", date: "20261123T120000Z", kind: Incomplete, says: "requires 'Credential' parameter"},
		"no date":   {auth: good, kind: Incomplete, says: "existence of either a 'X-Amz-Date' or a 'Date' header"},
		"odd date":  {auth: good, date: "yesterday", kind: Incomplete, says: "Date must be in ISO-8601 'basic format'"},
		"other day": {auth: good, date: "20261122T120000Z", kind: Scope, says: "Date in Credential scope does not match"},
		"short scope": {auth: strings.Replace(good, "/us-east-2", "", 1), date: "20261123T120000Z", kind: Incomplete,
			says: "exactly 5 slash-delimited elements"},
		"terminator": {auth: strings.Replace(good, "aws4_", "aws3_", 1), date: "20261123T120000Z", kind: Scope, says: "valid terminator"},
		"host unsigned": {auth: strings.Replace(good, "=host", "=date", 1), date: "20261123T120000Z", kind: Scope,
			says: "must be a 'SignedHeader'"},
		"not hex":      {auth: good + "x", date: "20261123T120000Z", kind: Incomplete, says: "hexadecimal"},
		"half a query": {query: "X-Amz-Algorithm=AWS4-HMAC-SHA256", kind: Incomplete, says: "must include 'X-Amz-Credential'"},
		"two weeks": {query: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=00&X-Amz-SignedHeaders=host&" +
			"X-Amz-Date=20261123T120000Z&X-Amz-Expires=1209600",
			kind: Incomplete, says: "between 1 and 604800"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/?"+c.query, nil)
			r.Header.Set("Authorization", c.auth)
			r.Header.Set("X-Amz-Date", c.date)
			_, err := Parse(r)
			if kindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("kind %d: %v", kindOf(err), err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the header is echoed: %v", err)
			}
		})
	}
}

// FuzzParse: nothing that a stranger can put into a header or a query panics,
// and nothing unsigned is ever accepted.
func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-2/aps/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff",
		"20261123T120000Z", "a=b&c")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20261123%2Fc%2Fs3%2Faws4_request"+
		"&X-Amz-Date=20261123T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Add("Bearer x", "x", "%zz;;&=")
	f.Fuzz(func(t *testing.T, auth, date, query string) {
		r := httptest.NewRequest("GET", "/p", nil)
		r.URL.RawQuery = query
		r.Header["Authorization"] = []string{auth}
		r.Header["X-Amz-Date"] = []string{date}
		s, err := Parse(r)
		if err == nil {
			err = s.Verify(r, nil, key, noon)
		}
		if kindOf(err) == 0 {
			t.Errorf("accepted, or refused without saying why: %v", err)
		}
	})
}

func kindOf(err error) Kind {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Kind
	}
	return 0
}
