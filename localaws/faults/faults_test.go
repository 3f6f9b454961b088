package faults_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// cloud is a whole local cloud with one workspace, and its clients.
type cloud struct {
	*localtest.Cloud
	workspace, other string
	operator, sender aws.Credentials
	sent             int // makes every sample another series

	// client makes a connection for each request: a spare one that no request
	// has come on is what a server that shuts down waits for.
	client http.Client
}

func start(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{Cloud: localtest.Start(t, localaws.Options{}), client: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	cfg := c.Operator()
	c.operator = check.Must[aws.Credentials](t)(cfg.Credentials.Retrieve(t.Context()))
	c.sender = check.Must[aws.Credentials](t)(c.As(localtest.Sender).Credentials.Retrieve(t.Context()))
	for _, id := range []*string{&c.workspace, &c.other} {
		out, err := amp.NewFromConfig(cfg).CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{})
		if err != nil {
			t.Fatal(err)
		}
		*id = aws.ToString(out.WorkspaceId)
	}
	return c
}

type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a signed request.
func (c *cloud) call(t *testing.T, who aws.Credentials, service, method, path string, header http.Header, body []byte) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL()+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	sum := sha256.Sum256(body)
	if err := signer.NewSigner().SignHTTP(t.Context(), who, req, hex.EncodeToString(sum[:]), service, "us-east-2", c.Clock.Now()); err != nil {
		return answer{}, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// send delivers n samples, each of a series of its own.
func (c *cloud) send(t *testing.T, n int) (answer, error) {
	t.Helper()
	var req prompb.WriteRequest
	for range n {
		c.sent++
		req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: "sent"}, {Name: "n", Value: fmt.Sprint(c.sent)}},
			Samples: []prompb.Sample{{Value: 1, Timestamp: time.Now().UnixMilli()}},
		})
	}
	raw, err := req.Marshal()
	if err != nil {
		return answer{}, err
	}
	return c.call(t, c.sender, "aps", "POST", "/workspaces/"+c.workspace+"/api/v1/remote_write", http.Header{
		"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}, "X-Prometheus-Remote-Write-Version": {"0.1.0"},
	}, snappy.Encode(nil, raw))
}

func (c *cloud) query(t *testing.T, expr string) answer {
	t.Helper()
	got, err := c.call(t, c.operator, "aps", "GET", "/workspaces/"+c.workspace+"/api/v1/query?query="+expr, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// faults calls the faults' API as the operator and fails unless it answers 200.
func (c *cloud) faults(t *testing.T, method, path, body string) string {
	t.Helper()
	got, err := c.call(t, c.operator, "localaws", method, "/_localaws/faults"+path, nil, []byte(body))
	if err != nil || got.status != 200 {
		t.Fatalf("%s %s: %d %s %v", method, body, got.status, got.body, err)
	}
	return got.body
}

func TestAnswers(t *testing.T) {
	c := start(t)
	for name, f := range map[string]struct {
		fault      string
		status     int
		says       string
		retryAfter string
	}{
		"expired":                   {`{"kind":"expired"}`, 403, `{"message":"The security token included in the request is expired"}`, ""},
		"unauthorized":              {`{"kind":"unauthorized"}`, 401, "Unauthorized", ""},
		"not-found":                 {`{"kind":"not-found"}`, 404, "Workspace not found", ""},
		"throttled":                 {`{"kind":"throttled"}`, 429, `{"message":"Rate exceeded"}`, ""},
		"throttled with a time":     {`{"kind":"throttled","retryAfterSeconds":7}`, 429, "Rate exceeded", "7"},
		"error":                     {`{"kind":"error"}`, 500, "Internal server error", ""},
		"unavailable with a time":   {`{"kind":"unavailable","retryAfterSeconds":9}`, 503, "Service Unavailable", "9"},
		"refuses all there is":      {`{"kind":"refuse","refuseSamples":3}`, 400, "out-of-order sample. timestamp=", ""},
		"for this workspace":        {`{"kind":"error","workspaceId":"` + c.workspace + `"}`, 500, "", ""},
		"for another workspace":     {`{"kind":"error","workspaceId":"` + c.other + `"}`, 200, "", ""},
		"for queries":               {`{"kind":"error","on":"query"}`, 200, "", ""},
		"slow":                      {`{"kind":"slow","delaySeconds":0.01}`, 200, "", ""},
		"a share that is not there": {`{"kind":"error","share":0.5}`, 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.faults(t, "POST", "", f.fault)
			got, err := c.send(t, 1)
			if err != nil || got.status != f.status || !strings.Contains(got.body, f.says) || got.header.Get("Retry-After") != f.retryAfter {
				t.Errorf("%+v %v", got, err)
			}
			c.faults(t, "DELETE", "", "")
			if got, err := c.send(t, 1); err != nil || got.status != 200 {
				t.Errorf("after it was cleared: %+v %v", got, err)
			}
		})
	}
	c.faults(t, "POST", "", `{"kind":"unavailable","on":"query"}`)
	if got := c.query(t, "sent"); got.status != 503 {
		t.Errorf("query: %+v", got)
	}
}

// TestRefuseKeepsTheRest: of ten samples three are refused, and seven are there.
func TestRefuseKeepsTheRest(t *testing.T) {
	c := start(t)
	c.faults(t, "POST", "", `{"kind":"refuse","refuseSamples":3}`)
	got, err := c.send(t, 10)
	if err != nil || got.status != 400 || !strings.Contains(got.body, `series=sent{n="8"}`) {
		t.Errorf("%+v %v", got, err)
	}
	if got := c.query(t, "count(sent)"); !strings.Contains(got.body, `"7"`) {
		t.Errorf("kept: %s", got.body)
	}
	// What the data plane itself refuses stays its own answer.
	bad, err := c.call(t, c.sender, "aps", "POST", "/workspaces/"+c.workspace+"/api/v1/remote_write",
		http.Header{"Content-Encoding": {"gzip"}},
		[]byte("x"))
	if err != nil || bad.status != 415 {
		t.Errorf("not a request: %+v %v", bad, err)
	}
}

func TestShareAndTime(t *testing.T) {
	c := start(t)
	c.faults(t, "POST", "", `{"kind":"error","share":0.25,"forSeconds":60}`)
	statuses := ""
	for range 8 {
		got, err := c.send(t, 1)
		if err != nil {
			t.Fatal(err)
		}
		statuses += fmt.Sprint(got.status, " ")
	}
	if statuses != "200 200 200 500 200 200 200 500 " {
		t.Errorf("a quarter: %s", statuses)
	}
	var list struct{ Faults []struct{ Hits int } }
	if err := json.Unmarshal([]byte(c.faults(t, "GET", "", "")), &list); err != nil || len(list.Faults) != 1 || list.Faults[0].Hits != 2 {
		t.Errorf("%+v %v", list, err)
	}
	c.Clock.Set(61 * time.Second)
	if got := c.faults(t, "GET", "", ""); !strings.Contains(got, `{"faults":[]}`) {
		t.Errorf("after its time: %s", got)
	}
}

// TestHang: nothing comes until the fault is cleared, and then no answer does.
func TestHang(t *testing.T) {
	c := start(t)
	var set struct{ ID string }
	if err := json.Unmarshal([]byte(c.faults(t, "POST", "", `{"kind":"hang"}`)), &set); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		got, err := c.send(t, 1)
		if err == nil {
			err = fmt.Errorf("answered %+v", got)
		}
		done <- err
	}()
	c.awaitHit(t)
	c.faults(t, "DELETE", "/"+set.ID, "")
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("after it was cleared: %v, want EOF", err)
	}
	// A cloud that stops lets go, too: the cleanup fails when it takes 2 s.
	c.faults(t, "POST", "", `{"kind":"hang"}`)
	go c.send(t, 1)
	c.awaitHit(t)
}

// awaitHit waits until a request has met the fault.
func (c *cloud) awaitHit(t *testing.T) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(c.faults(t, "GET", "", ""), `"hits":1`) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no request met the fault")
		}
	}
}

func TestReset(t *testing.T) {
	c := start(t)
	c.faults(t, "POST", "", `{"kind":"reset"}`)
	if got, err := c.send(t, 1); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%+v %v, want a reset", got, err)
	}
}

// TestWhoMaySetFaults: the API is no way around permissions.
func TestWhoMaySetFaults(t *testing.T) {
	c := start(t)
	if got, err := c.call(t, c.sender, "localaws", "POST", "/_localaws/faults", nil, []byte(`{"kind":"error"}`)); err != nil ||
		got.status != 403 || !strings.Contains(got.body, "is not authorized to perform: localaws:CreateFault") {
		t.Errorf("the sender: %+v %v", got, err)
	}
	if got, err := c.call(t, c.operator, "aps", "POST", "/_localaws/faults", nil, []byte(`{"kind":"error"}`)); err != nil ||
		got.status != 403 {
		t.Errorf("another service's signature: %+v %v", got, err)
	}
	wrong := c.operator
	wrong.SecretAccessKey = "wrong"
	if got, err := c.call(t, wrong, "localaws", "DELETE", "/_localaws/faults", nil, nil); err != nil || got.status != 403 {
		t.Errorf("a wrong secret: %+v %v", got, err)
	}
	// Trouble is for those who may send: others learn nothing of it.
	c.faults(t, "POST", "", `{"kind":"error"}`)
	c.sender.SecretAccessKey = "wrong"
	if got, err := c.send(t, 1); err != nil || got.status != 403 || !strings.Contains(got.body, "signature") {
		t.Errorf("a sender with a wrong secret: %+v %v", got, err)
	}
}

func TestBadFaults(t *testing.T) {
	c := start(t)
	for body, says := range map[string]string{
		`{"kind":"melt"}`:                                  "is not one of expired, unauthorized",
		`{"kind":"error","on":"everything"}`:               "is not one of remote_write, query, sts, iam, cloudformation, ",
		`{"kind":"hang","on":"aps-workspaces"}`:            "is not one of remote_write",
		`{"kind":"error","on":"sts"}`:                      "the kind error can only be used for faults on remote_write and query",
		`{"kind":"hang","on":"sts","workspaceId":"ws-1"}`:  "workspaceId can only be used for faults on remote_write and query",
		`{"kind":"error","share":0}`:                       "must be above 0",
		`{"kind":"error","share":1.5}`:                     "at most 1",
		`{"kind":"error","forSeconds":-1}`:                 "must not be negative",
		`{"kind":"error","retryAfterSeconds":1}`:           "can only be used with the kinds throttled and unavailable",
		`{"kind":"slow"}`:                                  "is required for the kind",
		`{"kind":"error","delaySeconds":1}`:                "is required for the kind slow",
		`{"kind":"refuse"}`:                                "is required for the kind",
		`{"kind":"refuse","refuseSamples":1,"on":"query"}`: "can only be used for faults on remote_write",
		`{"kind":"error","color":"red"}`:                   "unknown field",
		`not JSON`:                                         "is not a valid fault",
	} {
		got, err := c.call(t, c.operator, "localaws", "POST", "/_localaws/faults", nil, []byte(body))
		if err != nil || got.status != 400 || !strings.Contains(got.body, says) {
			t.Errorf("%s: %+v %v, want %q", body, got, err, says)
		}
	}
	if got, err := c.call(t, c.operator, "localaws", "DELETE", "/_localaws/faults/fault-0", nil, nil); err != nil || got.status != 404 {
		t.Errorf("unknown id: %+v %v", got, err)
	}
}

// TestFaultForNoWorkspace: it would never be met, so it is refused.
func TestFaultForNoWorkspace(t *testing.T) {
	c := start(t)
	got, err := c.call(t, c.operator, "localaws", "POST", "/_localaws/faults", nil, []byte(`{"kind":"error","workspaceId":"ws-nope"}`))
	if err != nil || got.status != 404 || !strings.Contains(got.body, "workspace not found") {
		t.Errorf("%+v %v, want 404", got, err)
	}
}
