package amp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// maxAnswer bounds what is read of an answer; AMP's own limit on a query's
// series comes far earlier.
const maxAnswer = 1 << 30

// dataPlane sends signed requests to one workspace.
type dataPlane struct {
	cfg    aws.Config
	base   string // …/workspaces/ws-…
	signer *v4.Signer
}

// QueryClient asks one workspace in PromQL.
type QueryClient struct{ at *dataPlane }

// NewQueryClient returns a client for the workspace behind endpoint, which is
// what DescribeWorkspace calls prometheusEndpoint. AWS writes it with and
// without a final slash and api/v1.
func NewQueryClient(cfg aws.Config, endpoint string) (*QueryClient, error) {
	at, err := newDataPlane(cfg, endpoint)
	if err != nil {
		return nil, err
	}
	return &QueryClient{at: at}, nil
}

func newDataPlane(cfg aws.Config, endpoint string) (*dataPlane, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, hint.New(hint.BadInput, fmt.Errorf("AMP endpoint %q is not an http(s) URL", endpoint),
			"write the endpoint as https://aps-workspaces.REGION.amazonaws.com/workspaces/WORKSPACE/")
	}
	if cfg.Credentials == nil {
		return nil, hint.New(hint.Denied, fmt.Errorf("no AWS credentials for the request to %s", u.Host), denied)
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = http.DefaultClient
	}
	base := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(endpoint, "/"), "/api/v1"), "/")
	return &dataPlane{cfg: cfg, base: base, signer: v4.NewSigner()}, nil
}

// send signs a request, whose path is below the workspace's, and reads the answer.
func (d *dataPlane) send(ctx context.Context, method, path, contentType string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("could not build the request to %s: %w", d.base, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if contentType == protobuf {
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	}
	credentials, err := d.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, nil, hint.New(hint.Denied, fmt.Errorf("could not get AWS credentials: %w", err), denied)
	}
	hash := sha256.Sum256(body)
	if err := d.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(hash[:]), "aps", d.cfg.Region, time.Now()); err != nil {
		return 0, nil, fmt.Errorf("could not sign the request to %s: %w", req.URL.Host, err)
	}
	resp, err := d.cfg.HTTPClient.Do(req)
	if err != nil {
		return 0, nil, awserr.Explain("query the AMP workspace", err, awserr.Next{})
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return 0, nil, fmt.Errorf("could not read the response of the AMP workspace: %w", err)
	}
	return resp.StatusCode, answer, nil
}

// Query evaluates expr at one moment; the zero time is the server's now.
func (c *QueryClient) Query(ctx context.Context, expr string, at time.Time) (Result, error) {
	form := url.Values{"query": {expr}}
	if !at.IsZero() {
		form.Set("time", seconds(at))
	}
	return c.post(ctx, "query", form)
}

// QueryRange evaluates expr at start, start+step, … up to end.
func (c *QueryClient) QueryRange(ctx context.Context, expr string, start, end time.Time, step time.Duration) (Result, error) {
	return c.post(ctx, "query_range", url.Values{
		"query": {expr},
		"start": {seconds(start)},
		"end":   {seconds(end)},
		"step":  {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// seconds writes a time as Prometheus reads it, exact to the millisecond.
func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}

func (c *QueryClient) post(ctx context.Context, path string, form url.Values) (Result, error) {
	status, answer, err := c.at.send(ctx, http.MethodPost, "/api/v1/"+path, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return Result{}, err
	}
	return decode(status, answer)
}
