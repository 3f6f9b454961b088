package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestSecretsAreLeftOut, and what support needs stays.
func TestSecretsAreLeftOut(t *testing.T) {
	const hidden = "hunter2hunter2"
	for _, text := range []string{
		"basic_auth: {username: me, password: " + hidden + "}", `"password": "` + hidden + `"`, "password: 'a " + hidden + "'",
		"secret_key=" + hidden, "AWS_SECRET_ACCESS_KEY=" + hidden, "aws_session_token = " + hidden, "bearer_token: " + hidden,
		"Authorization: Bearer " + hidden, "curl -H 'Authorization: Basic " + hidden + "='", "https://user:" + hidden + "@host/path",
		"https://h/x?X-Amz-Signature=" + hidden + "&a=b", "-----BEGIN RSA PRIVATE KEY-----\n" + hidden + "\n-----END RSA PRIVATE KEY-----",
		"credentials: " + hidden, "client_secret: " + hidden, "-----BEGIN RSA PRIVATE KEY-----\n" + hidden,
	} {
		if got := Clean(text); strings.Contains(got, "hunter2") || !strings.Contains(got, leftOut) {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "glsa_abcdefghijklmnop_1234"} {
		if got := Clean("key " + text + " end"); got != "key "+leftOut+" end" {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"  - url: https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write\n    sigv4:\n",
		"HTTP 403: User: arn:aws:iam::111122223333:user/u is not authorized", `up{job="node",instance="h"} 1`} {
		if got := Clean(text); got != text {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, text := range []string{"password: x", "https://a:b@c", "-----BEGIN X-----", `{"token":"a","b":1}`, "\xff\x00 secret=\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := Clean("password=\"" + strings.ReplaceAll(text, "\"", "") + "hunter2hunter2\""); strings.Contains(got, "hunter2hunter2") &&
			!strings.ContainsAny(text, "\n',}]& \t\r\v\f\u0085\u00a0") {
			t.Errorf("%q: %q", text, got)
		}
	})
}

// TestTail: a log without end keeps its newest lines.
func TestTail(t *testing.T) {
	var log Tail
	line := strings.Repeat("x", 1<<16)
	for i := range 100 {
		log.Add(fmt.Sprint(line, i))
	}
	if text := log.String(); len(text) < maxFile || len(text) > 2*maxFile+len(line) || !strings.HasSuffix(text, "x99\n") {
		t.Errorf("%d bytes are kept, which end with %q", len(text), text[max(0, len(text)-20):])
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	files := []File{{Name: "a.json", About: "the answer", Text: `{"token":"hunter2hunter2"}`},
		{Name: "b.txt", About: "long", Text: strings.Repeat("x", maxFile) + "the end"},
		{Name: "cut.txt", About: "a secret at the cut",
			Text: "password: hunter2hunter2" + strings.Repeat("\n", maxFile-5)},
		{Name: "c", Err: errors.New("not there")}}
	if err := Write(&b, files, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		text, readErr := io.ReadAll(r)
		if err = errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(text)
	}
	readme := got["parascope-doctor/README.txt"]
	if !strings.Contains(readme, "a.json: the answer\n") || !strings.Contains(readme, "c: missing: not there\n") || len(got) != 4 {
		t.Errorf("%d files, %s", len(got), readme)
	}
	if strings.Contains(got["parascope-doctor/cut.txt"], "ter2") {
		t.Errorf("half of a secret is left: %q", got["parascope-doctor/cut.txt"][:40])
	}
	if strings.Contains(got["parascope-doctor/a.json"], "hunter2") || !strings.HasSuffix(got["parascope-doctor/b.txt"], "the end") ||
		len(got["parascope-doctor/b.txt"]) != maxFile {
		t.Errorf("%s, %d bytes", got["parascope-doctor/a.json"], len(got["parascope-doctor/b.txt"]))
	}
}
