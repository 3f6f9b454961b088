package sigv4

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/principal"
)

// What Presign makes is what the SDK makes of the same, and Verify takes it.
func TestPresign(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, key := range []principal.AccessKey{{ID: "AKIAEXAMPLE", Secret: "secret"},
		{ID: "ASIAEXAMPLE", Secret: "secret", SessionToken: "to/ken+="}} {
		address := "http://127.0.0.1:9280/bucket/arn%3Aaws%3Astack%2Fx%7CThing?X-Amz-Expires=600&b=2&a=1%2F1"
		got, err := Presign(http.MethodPut, address, key, "s3", "us-east-2", now, 10*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPut, got, nil)
		r.Host = "127.0.0.1:9280"
		signature, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := signature.Verify(r, []byte("anything"), key, now.Add(9*time.Minute)); err != nil {
			t.Error(err)
		}
		if err := signature.Verify(r, nil, key, now.Add(11*time.Minute)); err == nil {
			t.Error("it works after its time")
		}
		if diff := cmp.Diff(presignedBySDK(t, address, key, now), r.URL.Query()["X-Amz-Signature"][0]); diff != "" {
			t.Error(diff)
		}
	}
}

func presignedBySDK(t *testing.T, address string, key principal.AccessKey, now time.Time) string {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPut, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	signed, _, err := signer.PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret,
		SessionToken: key.SessionToken}, r,
		"UNSIGNED-PAYLOAD", "s3", "us-east-2", now)
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewRequest(http.MethodPut, signed, nil).URL.Query().Get("X-Amz-Signature")
}
