package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws/principal"
)

var session = principal.AccessKey{ID: "ASIAEXAMPLE", Secret: "secret", SessionToken: "token/+=", Expires: noon.Add(time.Hour)}

// TestSignLikeTheSDK compares signatures with those that AWS's own signer makes
// of the same request.
func TestSignLikeTheSDK(t *testing.T) {
	const body = "query=up%7Bjob%3D%22a+b%22%7D"
	sum := sha256.Sum256([]byte(body))
	for name, tc := range map[string]struct {
		key          principal.AccessKey
		url, service string
	}{
		"user":    {key, "http://x.example/workspaces/ws-1/api/v1/query", "aps"},
		"session": {session, "http://x.example/a%20b/c/?q=up%7Bjob%3D%22a%20b%22%7D&k=2&k=1&nothing", "monitoring"},
		"s3":      {session, "http://x.example/bucket/a%20b/../c", "s3"},
	} {
		t.Run(name, func(t *testing.T) {
			request := func() *http.Request {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tc.url, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = 0 // the SDK signs a length, if there is one
				return r
			}
			want, got := request(), request()
			options := func(o *sdk.SignerOptions) { o.DisableURIPathEscaping = tc.service == "s3" }
			if tc.service == "s3" {
				want.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
			}
			cred := aws.Credentials{AccessKeyID: tc.key.ID, SecretAccessKey: tc.key.Secret, SessionToken: tc.key.SessionToken}
			if err := sdk.NewSigner(options).SignHTTP(t.Context(), cred, want, hex.EncodeToString(sum[:]), tc.service, "us-east-2",
				noon); err != nil {
				t.Fatal(err)
			}
			Sign(got, []byte(body), tc.key, tc.service, "us-east-2", noon)
			if w, g := want.Header.Get("Authorization"), got.Header.Get("Authorization"); w != g {
				t.Errorf("signed\n%s, want\n%s", g, w)
			}
		})
	}
}

func TestSignedRequestsAreVerified(t *testing.T) {
	body := []byte("{}")
	for name, change := range map[string]func(*http.Request){
		"":        func(*http.Request) {},
		"query":   func(r *http.Request) { r.URL.RawQuery += "&more=1" },
		"path":    func(r *http.Request) { r.URL = &url.URL{Scheme: "http", Host: r.URL.Host, Path: "/other"} },
		"token":   func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") },
		"no more": func(r *http.Request) { r.Header.Del("Authorization") },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x.example/a?b=c", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer glsa_of_the_caller")
		Sign(r, body, session, "aps", "us-east-2", noon)
		change(r)
		asServed(t, r, func(r *http.Request, body []byte) {
			err := verify(r, body, session, noon.Add(time.Minute))
			if _, failed := errors.AsType[*Failure](err); failed != (name != "") {
				t.Errorf("with another %q: %v", name, err)
			}
		})
	}
}
