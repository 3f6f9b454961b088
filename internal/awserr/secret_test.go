package awserr

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/parascope/parascope/internal/hint"
)

const (
	secret   = "IQoJb3JpZ2luX2VjEH+/8aCXVzLWVhc3QtMiJHMEUCIQ=="
	mismatch = "The request signature we calculated does not match the signature you provided."
	echo     = mismatch + "\n\nThe Canonical String for this request should have been\n'GET\n/workspaces\n\nhost:x\nx-amz-security-token:" +
		secret +
		"\n\nhost;x-amz-security-token\ne3b0c442'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256'\n"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]string{
		"":   "",
		echo: mismatch,
		`{"message":"` + strings.ReplaceAll(echo, "\n", `\n`) + `"}`: `{"message":"` + mismatch,
		"header X-Amz-Security-Token: " + secret + "\nnext":          "header X-Amz-Security-Token: (left out)\nnext",
		`{"x-amz-security-token":"` + secret + `","a":1}`:            `{"x-amz-security-token":"(left out)","a":1}`,
		"GET /?X-Amz-Security-Token=abc%2Fdef&X-Amz-Date=1":          "GET /?X-Amz-Security-Token=(left out)&X-Amz-Date=1",
		"signed host;x-amz-date;x-amz-security-token, again":         "signed host;x-amz-date;x-amz-security-token, again",
		"api error AccessDenied: not authorized to perform: aps:X\n": "api error AccessDenied: not authorized to perform: aps:X\n",
	} {
		if got := Public(text); got != want {
			t.Errorf("%q is shown as\n%q, want\n%q", text, got, want)
		}
	}
}

func TestExplainKeepsTheToken(t *testing.T) {
	api := &smithy.GenericAPIError{Code: "InvalidSignatureException", Message: echo}
	for _, err := range []error{api, errors.New("some proxy: " + echo)} {
		got := Explain("list workspaces", err, Next{Denied: "sign in"})
		if strings.Contains(got.Error(), secret[:8]) || !strings.HasSuffix(got.Error(), mismatch) || !errors.Is(got, err) {
			t.Errorf("%v", got)
		}
	}
}

// answering is an AWS that gives every request the same answer.
type answering struct{ code, message string }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := json.Marshal(map[string]string{"message": a.message})
	return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{"X-Amzn-Errortype": {a.code}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(body))}, err
}

// Whoever does not explain an error, but wraps it, gives no more away; and it can
// still be told what kind of error it is.
func TestGuardOfAClient(t *testing.T) {
	cfg := aws.Config{
		Region: "us-east-2", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "wrong", secret),
		HTTPClient: &http.Client{Transport: answering{"ResourceNotFoundException", "x-amz-security-token:" + secret}},
		APIOptions: []func(*middleware.Stack) error{Guard},
	}
	_, err := amp.NewFromConfig(cfg).DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: aws.String("ws-1")})
	if err == nil || strings.Contains(err.Error(), secret[:8]) || !strings.Contains(err.Error(), "(left out)") {
		t.Errorf("%v", err)
	}
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || Status(err) != http.StatusNotFound {
		t.Errorf("the kind of %v is lost (status %d)", err, Status(err))
	}
	if explained := Explain("describe", err, Next{NotFound: "list"}); hint.CodeOf(explained) != hint.NotFound {
		t.Errorf("code %d of %v", hint.CodeOf(explained), explained)
	}
}
