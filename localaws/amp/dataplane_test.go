package amp_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage/remote"
)

// send delivers one sample of now with Prometheus' own remote-write client, set up
// by a section of its configuration file.
func (c *cloud) send(ctx context.Context, t *testing.T, region, workspace, secret string) error {
	t.Helper()
	file, err := config.Load(fmt.Sprintf("remote_write: [{url: %s/workspaces/%s/api/v1/remote_write, sigv4: {region: %s, access_key: %s, "+
		"secret_key: %s}}]",
		c.URL(), workspace, region, c.Key.ID, secret), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	section := file.RemoteWriteConfigs[0]
	client, err := remote.NewWriteClient("test", &remote.ClientConfig{URL: section.URL, Timeout: section.RemoteTimeout,
		SigV4Config: section.SigV4Config})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:  []prompb.Label{{Name: "__name__", Value: "delivered"}},
		Samples: []prompb.Sample{{Value: 7, Timestamp: time.Now().UnixMilli()}},
	}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Store(ctx, snappy.Encode(nil, raw), 0)
	return err
}

func (c *cloud) query(t *testing.T, region, workspace, expr string) (int, string) {
	t.Helper()
	return c.do(t, region, "POST", "/workspaces/"+workspace+"/api/v1/query", "application/x-www-form-urlencoded",
		url.Values{"query": {expr}}.Encode())
}

// do makes a request with a signature by the SDK's signer.
func (c *cloud) do(t *testing.T, region, method, path, contentType, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	sum := sha256.Sum256([]byte(body))
	keys := aws.Credentials{AccessKeyID: c.Key.ID, SecretAccessKey: c.Key.Secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(sum[:]), "aps", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestPrometheusClientDelivers(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	id := create(t, c.client("us-east-2"), "w")
	if err := c.send(t.Context(), t, "us-east-2", id, c.Key.Secret); err != nil {
		t.Fatal(err)
	}
	if status, body := c.query(t, "us-east-2", id, "delivered"); status != 200 || !strings.Contains(body, `"7"]`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestDataPlaneRefusals(t *testing.T) {
	c := start(t, t.TempDir(), 3*time.Minute)
	id := create(t, c.client("us-east-2"), "w")
	if status, body := c.query(t, "us-east-2", id, "up"); status != 400 || !strings.Contains(body, "is not ACTIVE but CREATING") {
		t.Errorf("in creation: %d %s", status, body)
	}
	c.Clock.Set(3 * time.Minute)
	for name, tc := range map[string]struct{ region, workspace, secret, says string }{
		"wrong secret": {"us-east-2", id, "wrong", "The request signature we calculated does not match the signature you provided."},
		"other region": {"eu-west-1", id, c.Key.Secret, "Credential should be scoped to a valid region."},
		"no such":      {"us-east-2", "ws-none", c.Key.Secret, "Workspace not found"},
	} {
		err := c.send(t.Context(), t, tc.region, tc.workspace, tc.secret)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
		if recoverable, ok := errors.AsType[remote.RecoverableError](err); ok {
			t.Errorf("%s: Prometheus would try %v again for ever", name, recoverable)
		}
	}
	if status, body := c.query(t, "us-east-2", id, "delivered"); status != 200 || !strings.Contains(body, `"result":[]`) {
		t.Errorf("a refused sample was stored: %d %s", status, body)
	}
	if _, err := c.client("us-east-2").DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &id}); err != nil {
		t.Fatal(err)
	}
	if status, body := c.query(t, "us-east-2", id, "up"); status != 400 || !strings.Contains(body, "DELETING") {
		t.Errorf("after its deletion: %d %s", status, body)
	}
}

// TestTooLargeRequestsAreAnsweredAlike: what the data plane refuses, and what
// already the gateway does.
func TestTooLargeRequestsAreAnsweredAlike(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	path := "/workspaces/" + create(t, c.client("us-east-2"), "w") + "/api/v1/"
	for _, size := range []int{1<<20 + 1, 17 << 20} {
		for operation, contentType := range map[string]string{"remote_write": "application/x-protobuf",
			"query": "application/x-www-form-urlencoded"} {
			status, body := c.do(t, "us-east-2", "POST", path+operation, contentType, strings.Repeat("x", size))
			if status != 413 || body != `{"message":"Request size exceeded"}` {
				t.Errorf("%s of %d bytes: %d %s", operation, size, status, body)
			}
		}
	}
}
