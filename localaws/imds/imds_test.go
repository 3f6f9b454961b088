package imds_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/localaws/gateway"
	own "github.com/parascope/parascope/localaws/imds"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	localsts "github.com/parascope/parascope/localaws/sts"
)

const role = "arn:aws:iam::111122223333:role/head-node"

// machine is a metadata service and an STS that knows its sessions.
type machine struct {
	*servicetest.Base
	metadata string
}

func start(t *testing.T, lifetime time.Duration) *machine {
	t.Helper()
	m := &machine{Base: servicetest.Open(t, t.TempDir())}
	access := m.Account()
	check.OK(t, access.EnsureRole("head-node", "ec2.amazonaws.com"))
	m.Serve(gateway.Options{Services: []gateway.Service{localsts.Service(access)}, Authorize: access.Authorize})
	srv := httptest.NewServer(own.New(own.Options{Credentials: func(d time.Duration) (principal.AccessKey, error) {
		return access.AssumeForService(role, "ec2.amazonaws.com", "i-0123456789abcdef0", nil, d)
	}, RoleARN: role, Region: "us-east-2", Lifetime: lifetime, Now: m.Clock.Now, Logger: m.Logger}))
	t.Cleanup(srv.Close)
	m.metadata = srv.URL
	return m
}

// load is the SDK's default chain on a machine with nothing but a role.
func (m *machine) load(t *testing.T) aws.Config {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", m.metadata)
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithEC2IMDSRegion())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// whoami asks STS with fixed credentials.
func (m *machine) whoami(ctx context.Context, cfg aws.Config, credentials aws.Credentials) (string, error) {
	out, err := sts.NewFromConfig(cfg, func(o *sts.Options) {
		o.BaseEndpoint = aws.String(m.URL())
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	}).GetCallerIdentity(ctx, nil)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

// TestCredentialsExpire: the SDK's default chain finds credentials that STS takes,
// new ones before they end, and the old ones are refused after.
func TestCredentialsExpire(t *testing.T) {
	m := start(t, time.Hour)
	cfg := m.load(t)
	first, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if arn, err := m.whoami(t.Context(), cfg, first); err != nil ||
		arn != "arn:aws:sts::111122223333:assumed-role/head-node/i-0123456789abcdef0" {
		t.Fatalf("caller %q, %v", arn, err)
	}
	if left := time.Until(first.Expires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("credentials end in %s, want an hour", left)
	}
	m.Clock.Set(50 * time.Minute)
	if same, err := m.load(t).Credentials.Retrieve(t.Context()); err != nil || same.AccessKeyID != first.AccessKeyID {
		t.Errorf("ten minutes before the end: %v, key %s, want %s again", err, same.AccessKeyID, first.AccessKeyID)
	}
	m.Clock.Set(56 * time.Minute)
	second, err := m.load(t).Credentials.Retrieve(t.Context())
	if err != nil || second.AccessKeyID == first.AccessKeyID {
		t.Errorf("four minutes before the end: %v, the same key", err)
	}
	m.Clock.Set(time.Hour + time.Second)
	_, err = m.whoami(t.Context(), cfg, first)
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != "ExpiredToken" {
		t.Errorf("an expired session: %v, want ExpiredToken", err)
	}
}

// TestMetadata asks with the SDK's metadata client.
func TestMetadata(t *testing.T) {
	m := start(t, 0)
	cfg := m.load(t)
	if cfg.Region != "us-east-2" {
		t.Errorf("the SDK finds region %q", cfg.Region)
	}
	client := imds.NewFromConfig(cfg)
	doc, err := client.GetInstanceIdentityDocument(t.Context(), nil)
	if err != nil || doc.Region != "us-east-2" || doc.AccountID != "111122223333" || doc.InstanceID != "i-0123456789abcdef0" {
		t.Errorf("identity document %+v, %v", doc, err)
	}
	out, err := client.GetMetadata(t.Context(), &imds.GetMetadataInput{Path: "placement/availability-zone"})
	if err != nil {
		t.Fatal(err)
	}
	if zone, err := io.ReadAll(out.Content); err != nil || string(zone) != "us-east-2a" {
		t.Errorf("zone %q, %v", zone, err)
	}
}

// TestRefusals: what IMDSv2 does not answer.
func TestRefusals(t *testing.T) {
	m := start(t, 0)
	ask := func(method, path string, header http.Header) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, m.metadata+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(bytes.TrimSpace(body))
	}
	ttl := func(s string) http.Header { return http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {s}} }
	_, token := ask("PUT", "/latest/api/token", ttl("60"))
	with := http.Header{"X-Aws-Ec2-Metadata-Token": {token}}
	const credentials = "/latest/meta-data/iam/security-credentials/"
	for name, c := range map[string]struct {
		method, path string
		header       http.Header
		status       int
	}{
		"with a token":    {"GET", credentials, with, 200},
		"without":         {"GET", credentials, nil, 401},
		"a made-up token": {"GET", credentials, http.Header{"X-Aws-Ec2-Metadata-Token": {"x"}}, 401},
		"a later end":     {"GET", credentials, http.Header{"X-Aws-Ec2-Metadata-Token": {"9" + token}}, 401},
		"an end alone":    {"GET", credentials, http.Header{"X-Aws-Ec2-Metadata-Token": {"9999999999999."}}, 401},
		"another role":    {"GET", credentials + "other", with, 404},
		"another path":    {"GET", "/latest/user-data", with, 404},
		"no ttl":          {"PUT", "/latest/api/token", nil, 400},
		"ttl 0":           {"PUT", "/latest/api/token", ttl("0"), 400},
		"ttl over 6 h":    {"PUT", "/latest/api/token", ttl("21601"), 400},
		"through a proxy": {"GET", credentials, http.Header{"X-Aws-Ec2-Metadata-Token": {token}, "X-Forwarded-For": {"10.0.0.1"}}, 403},
		"token by GET":    {"GET", "/latest/api/token", ttl("60"), 405},
		"token over a proxy": {"PUT", "/latest/api/token", http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"60"},
			"X-Forwarded-For": {"10.0.0.1"}}, 403},
	} {
		if status, body := ask(c.method, c.path, c.header); status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, body, c.status)
		}
	}
	m.Clock.Set(61 * time.Second)
	if status, _ := ask("GET", credentials, with); status != 401 {
		t.Errorf("a token after its end: %d, want 401", status)
	}
}
