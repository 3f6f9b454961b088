package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/rogpeppe/go-internal/testscript"
)

// startSigner is the script command
//
//	signer
//
// It starts a relay to AWS_ENDPOINT_URL that signs what passes with the script's
// credentials, by the AWS SDK's signer, and sets SIGNER to its URL. It is for
// clients that cannot sign.
func startSigner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: signer")
	}
	files := []func(*config.LoadOptions) error{
		config.WithRegion(ts.Getenv("AWS_REGION")), config.WithSharedConfigProfile(ts.Getenv("AWS_PROFILE")),
		config.WithSharedCredentialsFiles([]string{ts.Getenv("AWS_SHARED_CREDENTIALS_FILE")}),
		config.WithSharedConfigFiles([]string{ts.Getenv("AWS_CONFIG_FILE")}),
	}
	target, err := url.Parse(ts.Getenv("AWS_ENDPOINT_URL"))
	ts.Check(err)
	relay := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: signing(files),
	}
	srv := httptest.NewServer(relay)
	ts.Defer(srv.Close)
	ts.Setenv("SIGNER", srv.URL)
}

// signing is a transport that signs for AMP with the credentials that it loads.
type signing []func(*config.LoadOptions) error

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	cfg, err := config.LoadDefaultConfig(r.Context(), s...)
	if err != nil {
		return nil, fmt.Errorf("configuration of the relay: %w", err)
	}
	keys, err := cfg.Credentials.Retrieve(r.Context())
	if err != nil {
		return nil, fmt.Errorf("credentials of the relay: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), "aps", cfg.Region, time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(r)
}
