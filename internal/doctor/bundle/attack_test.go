package bundle

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// attacks are places where a secret may stand in what a bundle has: § is one. The forms are those of Prometheus'
// configuration, YAML 1.2, systemd's units, the formats of AWS' and Grafana's keys, and journals.
var attacks = []string{
	// Prometheus' configuration, in the styles that YAML has.
	"basic_auth:\n  username: me\n  password: §\n",
	"basic_auth: {username: me, password: §, other: x}\n",
	"    password: 'a,§'\n", "    password: \"b}§\"\n", "    password: c&§\n", "    password: d,§ # ours\n",
	"    password: 'it''s §'\n", "    password: \"a\\\"§\"\n",
	"    password: |\n      §\n    username: me\n", "    password: >-\n      a\n      §\n", "    password:\n      §\n",
	"    password: \"first\n      §\"\n", "    \"password\" : §\n",
	"authorization:\n  type: Bearer\n  credentials: §\n", "bearer_token: §\n",
	"http_headers:\n  X-Site:\n    secrets: [aaaaaaaa, §]\n", "http_headers:\n  X-Site:\n    secrets:\n      - aaaaaaaa\n      - §\n",
	"http_headers:\n  X-Site:\n    values: [§]\n", "headers:\n  X-Site: §\n", "headers: {X-Site: §, X-B: c}\n",
	"headers:\n  X-Api-Key: §\n", "oauth2:\n  client_id: me\n  client_secret: §\n",
	"sigv4:\n  region: us-east-2\n  access_key: AKIAIOSFODNN7EXAMPLE\n  secret_key: §\n",
	"params:\n  auth: [§]\n", "params: {code: [a, §]}\n", "- url: https://me:§@h.example.com/x\n",
	"- url: https://h.example.com/x?pw=§&b=c\n", "- url: https://h.example.com/x?b=c&code=§\n", "- url: https://h.example.com/x?§\n",
	"key: -----BEGIN EC PRIVATE KEY-----\n  §\n  -----END EC PRIVATE KEY-----\n",
	"my_password: &site §\nother: *site\n", "one: &site §\npassword: *site\n",
	// A unit, a file of variables, a command line.
	"Environment=\"AWS_SECRET_ACCESS_KEY=§\"\n", "Environment=A=b SITE_TOKEN=§ C=d\n", "AWS_SESSION_TOKEN='§'\n", "MYSQL_PWD=§\n",
	"export API-KEY=§\n", "ExecStart=/usr/bin/x --web.password § --other\n", "ExecStart=/usr/bin/x --token=§\n",
	"ExecStart=/usr/bin/curl -u me:§ https://h\n",
	// The answers of the head, and logs.
	`{"activeTargets":[{"discoveredLabels":{"__param_auth":"§"},"scrapeUrl":"http://h/m?auth=§","x":"password=§, as it was"}]}`,
	`{"x":"it says password=\"§ a\" here","tokens":5,"headers":{"X":["§"]},"secret":null,"credentials":"§"}`,
	`{"url":"https://h/x?code=§","next":"https://me:§@h/"}`,
	"level=error msg=\"request failed\" err=\"Get \\\"http://h/m?auth=§\\\": refused\"\n", "> Cookie: session=§\n",
	"Set-Cookie: §; Path=/\n",
	"x-amz-security-token: §\n", "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, SignedHeaders=host, Signature=§\n",
}

// forms are secrets that are known by their form.
var forms = []string{
	"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "glsa_abcdefghijklmnop_1234",
	"glc_eyJvIjoiMTIzNDU2Iiwib",
	"IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMiJHMEUCIQDexample+token/0123456789abcdefABCDEF==",
	"FwoGZXIvYXdzEJr//////////wEaDExample0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
	"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
	"https://hooks.slack.com/services/T000/B000/abcdsecret",
	"https://events.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue",
}

// TestSecretsInEveryPlace: none is left, and what stands around it is.
func TestSecretsInEveryPlace(t *testing.T) {
	for i, text := range attacks {
		secret := fmt.Sprintf("hunter%02dZQ", i)
		before, after := "before: 1\n", "after: 2\n"
		if strings.HasPrefix(text, "{") {
			before, after = "", ""
		}
		got := Clean(before + strings.ReplaceAll(text, "§", secret) + after)
		if strings.Contains(got, secret) || !strings.Contains(got, leftOut) || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Errorf("%q: %q", text, got)
		}
		if before == "" && !json.Valid([]byte(got)) {
			t.Errorf("%s is no JSON any more: %s", text, got)
		}
	}
	for _, secret := range forms {
		got := Clean("It says " + secret + " to us.\n")
		if strings.Contains(got, secret) || strings.Contains(got, "secret") ||
			!strings.HasPrefix(got, "It says ") || !strings.HasSuffix(got, " to us.\n") {
			t.Errorf("%s: %q", secret, got)
		}
	}
}

// TestASecretOfOneFileIsInNone: a password of the configuration that a log repeats, with nothing around it that tells.
func TestASecretOfOneFileIsInNone(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, []File{{Name: "log", Text: "ours is correct-horse, is it not\n"}, {Name: "prometheus.yml",
		Text: "password: correct-horse\n", Configures: true}}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z) // the archive holds its files as they are
	if err != nil || bytes.Contains(all, []byte("correct-horse")) || !bytes.Contains(all, []byte("ours is "+leftOut)) {
		t.Errorf("%v: %q", err, all)
	}
}
