package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws/principal"
)

var key = principal.AccessKey{ID: "AKIAEXAMPLE", Secret: "secret",
	Principal: principal.Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/me"}}

// tables are one service of each protocol; what they serve says what they were asked.
func tables() []Service {
	say := func(w http.ResponseWriter, r *Request) error {
		return WriteJSON(w, http.StatusOK, map[string]any{"labels": r.Labels, "region": r.Region, "caller": r.Principal.ARN,
			"body": string(r.Body)})
	}
	return []Service{
		{Name: "thing", SigningName: "shared", Protocol: RESTJSON, Operations: []Operation{
			{Name: "ListThings", Method: "GET", Path: "/things", Serve: say},
			{Name: "GetTag", Method: "GET", Path: "/tags/{arn}", Serve: say},
			{Name: "Planned", Method: "PUT", Path: "/things/{id}"},
			{Name: "Refuse", Method: "POST", Path: "/refuse", Serve: func(http.ResponseWriter, *Request) error {
				return &Error{Status: 404, Code: "ResourceNotFoundException", Message: "no such thing", Members: map[string]any{"resourceId": "t-1"},
					Header: http.Header{"Retry-After": {"3"}}}
			}},
			{Name: "Break", Method: "POST", Path: "/break", Serve: func(http.ResponseWriter, *Request) error { return errors.New("secret cause") }},
			{Name: "Panic", Method: "POST", Path: "/panic", Serve: func(http.ResponseWriter, *Request) error { panic("secret cause") }},
		}},
		{Name: "thing-data", SigningName: "shared", Protocol: PrometheusHTTP, Operations: []Operation{
			{Name: "Query", Method: "GET", Path: "/things/{id}/api/v1/query", Serve: say},
			{Name: "Alerts", Method: "GET", Path: "/things/{id}/api/v1/alerts"},
		}},
		{Name: "forms", SigningName: "forms", Version: "2011-06-15", Protocol: Query, Operations: []Operation{
			{Name: "Ask", Serve: func(w http.ResponseWriter, r *Request) error {
				return WriteQuery(w, r, struct{ Answer string }{r.Form.Get("Q")})
			}},
			{Name: "Later"},
		}},
		{Name: "store", SigningName: "s3", Protocol: RESTXML, Operations: []Operation{
			{Name: "GetObject", Method: "GET", Path: "/{Bucket}/{Key+}", Serve: say},
			{Name: "ListObjects", Method: "GET", Path: "/{Bucket}", Serve: func(w http.ResponseWriter, r *Request) error {
				return WriteXML(w, http.StatusOK, struct {
					XMLName xml.Name `xml:"ListBucketResult"`
					Name    string
				}{Name: r.Labels["Bucket"]})
			}},
			{Name: "GetBucketPolicy", Method: "GET", Path: "/{Bucket}", Query: "policy", Serve: func(http.ResponseWriter, *Request) error {
				return &Error{Status: 404, Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist"}
			}},
		}},
		{Name: "machines", SigningName: "machines", Version: "2016-11-15", Protocol: EC2Query, Operations: []Operation{
			{Name: "Start", Serve: func(w http.ResponseWriter, r *Request) error {
				return WriteEC2(w, r, struct {
					VpcId string `xml:"vpcId"`
				}{r.Form.Get("Vpc")})
			}},
		}},
		{Name: "targets", SigningName: "targets", TargetPrefix: "AWSTargets", Protocol: JSON11,
			Operations: []Operation{{Name: "Do", Serve: say}, {Name: "Later"}}},
	}
}

// call is a request to the gateway; "" for sign leaves it unsigned.
type call struct {
	method, path, body string
	sign, region       string
	header             map[string]string
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends the call as a client on the network does.
func do(t *testing.T, log io.Writer, c call) answer {
	t.Helper()
	gw, err := New(Options{
		Services: tables(), Authorize: AllowAll, NewID: func() string { return "id-1" }, Now: time.Now, MaxBody: 1000,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		Lookup: func(id string) (principal.AccessKey, bool, error) { return key, id == key.ID, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	if c.sign != "" {
		if c.region == "" {
			c.region = "us-east-2"
		}
		sum := sha256.Sum256([]byte(c.body))
		if err := signer.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret},
			req, hex.EncodeToString(sum[:]), c.sign, c.region, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

var (
	form   = map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
	target = func(op string) map[string]string { return map[string]string{"X-Amz-Target": "AWSTargets." + op} }
)

func TestRouting(t *testing.T) {
	for name, c := range map[string]struct {
		call
		status int
		says   string
	}{
		"path":         {call{method: "GET", path: "/things", sign: "shared"}, 200, `"region":"us-east-2"`},
		"greedy label": {call{method: "GET", path: "/b/a/b/c", sign: "s3"}, 200, `"Key":"a/b/c"`},
		"bucket":       {call{method: "GET", path: "/b?list-type=2", sign: "s3"}, 200, `<ListBucketResult><Name>b</Name></ListBucketResult>`},
		"query":        {call{method: "GET", path: "/b?policy", sign: "s3"}, 404, `<Error><Code>NoSuchBucketPolicy</Code>`},
		"flat form": {call{method: "POST", path: "/", body: "Action=Start&Vpc=vpc-1", sign: "machines", header: form}, 200,
			`<requestId>id-1</requestId><vpcId>vpc-1</vpcId></StartResponse>`},
		"flat form, 501": {call{method: "POST", path: "/", body: "Action=Stop", sign: "machines", header: form}, 501,
			`<Response><Errors><Error><Code>NotImplemented</Code>`},
		"one label": {call{method: "GET", path: "/tags/arn%3Aaws%3Ax%2Fws-1", sign: "shared"}, 200, `"labels":{"arn":"arn:aws:x/ws-1"}`},
		"data plane": {call{method: "GET", path: "/things/t-1/api/v1/query?query=up%7Ba%3D%22b+c%22%7D", sign: "shared"}, 200,
			`"labels":{"id":"t-1"}`},
		"action": {call{method: "POST", path: "/", body: "Action=Ask&Q=why%3F", sign: "forms", header: form}, 200,
			"<AskResult><Answer>why?</Answer></AskResult><ResponseMetadata><RequestId>id-1<"},
		"action in query": {call{method: "GET", path: "/?Action=Ask&Q=x", sign: "forms"}, 200, "<Answer>x</Answer>"},
		"target":          {call{method: "POST", path: "/", body: "{}", sign: "targets", header: target("Do")}, 200, `"body":"{}"`},

		"not implemented, path": {call{method: "PUT", path: "/things/1", sign: "shared"}, 501,
			`{"message":"parascope local does not implement thing:Planned; see docs/local-cloud.md"}`},
		"not implemented, data": {call{method: "GET", path: "/things/1/api/v1/alerts", sign: "shared"}, 501, `thing-data:Alerts`},
		"not implemented, action": {call{method: "POST", path: "/", body: "Action=Later", sign: "forms", header: form}, 501,
			"<Type>Receiver</Type><Code>NotImplemented</Code><Message>parascope local does not implement forms:Later;"},
		"not implemented, target": {call{method: "POST", path: "/", sign: "targets", header: target("Later")}, 501, `"__type":"NotImplemented"`},
		"unknown action":          {call{method: "POST", path: "/", body: "Action=Nonsense", sign: "forms", header: form}, 501, "forms:Nonsense"},
		"no action":               {call{method: "POST", path: "/", sign: "forms", header: form}, 400, "<Code>MissingAction</Code>"},
		"unknown target":          {call{method: "POST", path: "/", sign: "targets", header: target("Nonsense")}, 501, "targets:Nonsense"},
		"unknown service":         {call{method: "GET", path: "/bucket", sign: "sqs"}, 501, "does not implement sqs;"},
		"unknown path":            {call{method: "GET", path: "/nonsense", sign: "shared"}, 403, `{"message":"Missing Authentication Token"}`},
		"trailing slash": {call{method: "GET", path: "/things/t-1/api/v1/query/", sign: "shared"}, 403,
			`{"message":"Missing Authentication Token"}`},
		"wrong method": {call{method: "DELETE", path: "/things", sign: "shared"}, 403, "Missing Authentication Token"},
	} {
		t.Run(name, func(t *testing.T) {
			got := do(t, io.Discard, c.call)
			if got.status != c.status || !strings.Contains(got.body, c.says) {
				t.Errorf("status %d, want %d: %s\nwant %s", got.status, c.status, got.body, c.says)
			}
			if got.header.Get("x-amzn-RequestId") != "id-1" {
				t.Error("no request id")
			}
		})
	}
}

func TestRefusedInTheShapeOfTheProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		call
		status int
		code   string // of x-amzn-ErrorType, where the protocol has it
		says   string
	}{
		"unsigned path": {call{method: "GET", path: "/things"}, 403, "MissingAuthenticationTokenException",
			`{"message":"Missing Authentication Token"}`},
		"unsigned data": {call{method: "GET", path: "/things/1/api/v1/query"}, 403, "MissingAuthenticationTokenException",
			`{"message":"Missing Authentication Token"}`},
		"unsigned action": {call{method: "POST", path: "/", body: "Action=Ask", header: form}, 403, "",
			"<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error><RequestId>id-1<"},
		"unsigned target": {call{method: "POST", path: "/", header: target("Do")}, 403, "",
			`"__type":"MissingAuthenticationTokenException"`},
		"unsigned anything": {call{method: "GET", path: "/"}, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"bearer": {call{method: "GET", path: "/things",
			header: map[string]string{"Authorization": "Bearer x", "X-Amz-Date": "20261123T000000Z"}}, 403, "IncompleteSignatureException",
			"requires 'Credential' parameter"},
		"other service, path": {call{method: "GET", path: "/things", sign: "targets"}, 403, "InvalidSignatureException",
			`Credential should be scoped to correct service: 'shared'.`},
		"other service, action": {call{method: "POST", path: "/", body: "Action=Ask", header: form, sign: "shared"}, 403, "",
			`<Code>SignatureDoesNotMatch</Code><Message>Credential should be scoped to correct service: &#39;forms&#39;.`},
		"no region": {call{method: "GET", path: "/things", sign: "shared", region: "Ohio"}, 403, "InvalidSignatureException",
			"Credential should be scoped to a valid region."},
		"too large": {call{method: "POST", path: "/refuse", body: strings.Repeat("x", 1001), sign: "shared"}, 413,
			"RequestEntityTooLargeException", "Request size exceeded"},
		"service's own error": {call{method: "POST", path: "/refuse", sign: "shared"}, 404, "ResourceNotFoundException",
			`{"message":"no such thing","resourceId":"t-1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := do(t, io.Discard, c.call)
			if got.status != c.status || !strings.Contains(got.body, c.says) || got.header.Get("x-amzn-ErrorType") != c.code {
				t.Errorf("status %d, want %d; code %q, want %q: %s\nwant %s", got.status, c.status, got.header.Get("x-amzn-ErrorType"), c.code,
					got.body, c.says)
			}
		})
	}
	if got := do(t, io.Discard, call{method: "POST", path: "/refuse", sign: "shared"}); got.header.Get("Retry-After") != "3" {
		t.Errorf("an error's header is lost: %v", got.header)
	}
}

// A defect of the cloud is its log's business: the client learns where to look.
func TestDefectsAreLoggedAndAnswered(t *testing.T) {
	for _, path := range []string{"/break", "/panic"} {
		var log strings.Builder
		got := do(t, &log, call{method: "POST", path: path, sign: "shared"})
		if got.status != 500 || !strings.Contains(got.body, "id-1") || strings.Contains(got.body, "secret cause") {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
		if !strings.Contains(log.String(), "secret cause") || !strings.Contains(log.String(), "id=id-1") {
			t.Errorf("%s: log %q", path, log.String())
		}
	}
}

func TestAmbiguousTablesAreRefused(t *testing.T) {
	op := func(path string) Operation { return Operation{Name: path, Method: "GET", Path: path} }
	_, err := New(Options{Services: []Service{
		{Name: "a", SigningName: "x", Protocol: RESTJSON, Operations: []Operation{op("/things/{id}")}},
		{Name: "b", SigningName: "x", Protocol: PrometheusHTTP, Operations: []Operation{op("/things/{name}")}},
	}})
	if err == nil {
		t.Error("two operations at one path were accepted")
	}
}

func TestMarkdownListsEverything(t *testing.T) {
	services := tables()
	services[0].Operations[0].Rules = []Rule{{"sorted | by name", Inferred, "a page"}}
	doc := Markdown(services)
	for _, want := range []string{
		"| ListThings | `GET /things` | yes |", "| Planned | `PUT /things/{id}` | 501 |", "| Ask | `Action=Ask` | yes |",
		"| Later | `X-Amz-Target: AWSTargets.Later` | 501 |", `| sorted \| by name | inferred | a page |`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %q in:\n%s", want, doc)
		}
	}
}

// FuzzServe: no unsigned request is served or breaks anything, whatever is in it.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/things/%2F/api/v1/query", "Action=Ask", "application/x-www-form-urlencoded", "AWSTargets.Do",
		"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261123/us-east-2/shared/aws4_request, SignedHeaders=host, Signature=00")
	f.Add("POST", "/", "Action=%zz", "application/x-www-form-urlencoded;;", "", "Bearer x")
	gw, err := New(Options{
		Services: tables(), Authorize: AllowAll, NewID: func() string {
			return "id"
		}, Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Lookup: func(id string) (principal.AccessKey, bool, error) { return key, id == key.ID, nil },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, body, contentType, target, auth string) {
		req := httptest.NewRequest("GET", "/", strings.NewReader(body))
		req.Method, req.URL.RawPath, req.URL.Path = method, path, path
		req.Header = http.Header{"Content-Type": {contentType}, "X-Amz-Target": {target}, "Authorization": {auth},
			"X-Amz-Date": {"20261123T000000Z"}}
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, req)
		if w.Code < 400 || w.Code == 500 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}
