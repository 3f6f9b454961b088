package gateway

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws/principal"
)

func serve(t *testing.T, change func(*Options)) *httptest.Server {
	t.Helper()
	o := Options{
		Services: tables(), Authorize: AllowAll, NewID: func() string { return "id-1" }, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler),
		Lookup: func(id string) (principal.AccessKey, bool, error) { return key, id == key.ID, nil },
	}
	if change != nil {
		change(&o)
	}
	gw, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	t.Cleanup(srv.Close)
	return srv
}

// signed is a request of me, or of somebody whose key nobody has.
func signed(t *testing.T, url, keyID, secret, body string, header map[string]string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	sum := sha256.Sum256([]byte(body))
	if header["X-Amz-Content-Sha256"] != "" {
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	}
	if err := signer.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, r,
		hex.EncodeToString(sum[:]), "targets", "us-east-2", time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

// Who cannot be told from the head of a request is answered before the body comes, which
// so never takes memory.
func TestBodiesOfStrangersAreNotWaitedFor(t *testing.T) {
	srv := serve(t, nil)
	body := strings.Repeat("x", 1<<20)
	do := target("Do")
	named := map[string]string{"X-Amz-Target": "AWSTargets.Do", "X-Amz-Content-Sha256": "set"}
	unsigned := signed(t, srv.URL, key.ID, key.Secret, body, do)
	unsigned.Header.Del("Authorization")
	old := signed(t, srv.URL, key.ID, key.Secret, body, do)
	old.Header.Set("X-Amz-Date", "20201123T000000Z")
	for name, c := range map[string]struct {
		request *http.Request
		says    string
	}{
		"unsigned":                    {unsigned, `"__type":"MissingAuthenticationTokenException"`},
		"a key that nobody has":       {signed(t, srv.URL, "AKIAOTHER", "x", body, do), `"__type":"UnrecognizedClientException"`},
		"an old signature":            {old, "SignatureException"},
		"a bad signature with a hash": {signed(t, srv.URL, key.ID, "wrong", body, named), "The request signature we calculated does not match"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // the body never comes
				t.Fatal(err)
			}
			r := c.request
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Host, len(body))
			if err := r.Header.WriteSubset(conn, map[string]bool{"Content-Length": true}); err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "\r\nxxx") // an error is seen below: no answer
			resp, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil {
				t.Fatalf("no answer before the body: %v", err)
			}
			defer resp.Body.Close()
			said, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(said), c.says) || !resp.Close {
				t.Errorf("%d %s, closed: %t, %v; want %s", resp.StatusCode, said, resp.Close, err, c.says)
			}
		})
	}
}

// TestAnswersToUnreadBodiesArrive: a client that sends on after its answer is not cut off,
// because that can take the answer from it.
func TestAnswersToUnreadBodiesArrive(t *testing.T) {
	srv := serve(t, nil)
	body := strings.Repeat("x", DefaultMaxBody+1)
	for name, c := range map[string]struct {
		keyID  string
		status int
	}{"too large": {key.ID, http.StatusRequestEntityTooLarge}, "a key that nobody has": {"AKIAOTHER", http.StatusForbidden}} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r := signed(t, srv.URL, c.keyID, key.Secret, body, target("Do"))
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Host, len(body))
			if err := r.Header.WriteSubset(conn, map[string]bool{"Content-Length": true}); err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "\r\n") // an error is seen below: no answer
			resp, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil || resp.StatusCode != c.status {
				t.Fatalf("%+v, %v", resp, err)
			}
			defer resp.Body.Close()
			if _, err := io.WriteString(conn, body); err != nil {
				t.Errorf("sending on: %v", err)
			}
		})
	}
}

// A path that is another one's before it is normalized has the same signature, and means
// the same.
func TestPathsOfOneSignature(t *testing.T) {
	srv := serve(t, nil)
	for path, says := range map[string]string{"/things": `"labels":{}`, "/tags/../things": `"labels":{}`, "//things": `"labels":{}`,
		"/./things": `"labels":{}`, "/tags/%2e%2e/things": "does not match", "/things/": "does not match"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/things", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(nil)
		if err := signer.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, r,
			hex.EncodeToString(sum[:]), "shared", "us-east-2", time.Now()); err != nil {
			t.Fatal(err)
		}
		r.URL.Path, r.URL.RawPath = "", ""
		r.URL.Opaque = "//" + r.URL.Host + path
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(said), says) {
			t.Errorf("%s: %d %s, %v; want %s", path, resp.StatusCode, said, err, says)
		}
	}
}

// What a signature leaves out of AWS's headers decides nothing.
func TestHeadersThatAreNotSigned(t *testing.T) {
	srv := serve(t, nil)
	for name, c := range map[string]struct{ header, says string }{
		"the operation": {"X-Amz-Target", `"__type":"InvalidSignatureException"`},
		"another one":   {"X-Amz-Acl", "'X-Amz-Acl' must be a 'SignedHeader' in the AWS Authorization."},
	} {
		r := signed(t, srv.URL, key.ID, key.Secret, "{}", nil)
		r.Header.Set(c.header, "AWSTargets.Do")
		r.Header.Set("X-Amzn-Trace-Id", "which a proxy adds")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(said), c.says) {
			t.Errorf("%s: %d %s, %v", name, resp.StatusCode, said, err)
		}
	}
}
