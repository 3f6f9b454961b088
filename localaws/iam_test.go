package localaws_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// The two users that a cloud begins with: the head may send metrics and nothing
// else, the operator may do everything. With enforcement off this fails.
func TestTheHeadMayNotWhatTheOperatorMay(t *testing.T) {
	cloud := localtest.Start(t, localaws.Options{})
	operator, head := amp.NewFromConfig(cloud.Operator()), amp.NewFromConfig(cloud.As("head"))
	out, err := operator.CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{})
	if err != nil {
		t.Fatal(err)
	}
	described, err := operator.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: out.WorkspaceId})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := query(t, cloud.Operator(), *described.Workspace.PrometheusEndpoint); status != http.StatusOK {
		t.Errorf("the operator queries: %d %s", status, body)
	}
	if status, body := query(t, cloud.As("head"), *described.Workspace.PrometheusEndpoint); status != http.StatusForbidden ||
		!strings.Contains(body, "is not authorized to perform: aps:QueryMetrics on resource: "+*out.Arn+" because no identity-based policy "+
			"allows the aps:QueryMetrics action") {
		t.Errorf("the head queries: %d %s", status, body)
	}
	_, err = head.DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: out.WorkspaceId})
	want := "User: arn:aws:iam::111122223333:user/parascope-head is not authorized to perform: aps:DescribeWorkspace on resource: " +
		*out.Arn +
		" because no identity-based policy allows the aps:DescribeWorkspace action"
	if codeOf(err) != "AccessDeniedException" || !strings.Contains(err.Error(), want) {
		t.Errorf("the head describes: %v", err)
	}
	if _, err := sts.NewFromConfig(cloud.As("head")).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Errorf("who the head is needs no permission: %v", err)
	}
	if _, err := iam.NewFromConfig(cloud.As("head")).ListUsers(t.Context(), nil); codeOf(err) != "AccessDenied" ||
		!strings.Contains(err.Error(), "iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because") {
		t.Errorf("the head lists users: %v", err)
	}
}

// query asks a workspace for a sample, signed by the SDK.
func query(t *testing.T, cfg aws.Config, endpoint string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"api/v1/query?query=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(hash[:]), "aps", cfg.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A data directory of the first version keeps its users' keys.
func TestDataDirectoryOfTheFirstVersion(t *testing.T) {
	dir := t.TempDir()
	db, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	key := principal.AccessKey{ID: "AKIAFIRSTVERSION0000", Secret: "secret", Principal: principal.Principal{
		Account: principal.Account, ARN: "arn:aws:iam::111122223333:user/operator", UserID: "AIDAFIRSTVERSION0000"}}
	err = db.Update(func(tx *state.Tx) error {
		return errors.Join(tx.Put("access-keys", key.ID, key), tx.Put("roles", "arn:aws:iam::111122223333:role/R", struct{ ID string }{"AROAX"}),
			tx.Put("users", "operator", struct {
				ID  string
				Key principal.AccessKey
			}{key.Principal.UserID, key}))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}

	cloud := localtest.Start(t, localaws.Options{DataDir: dir})
	file, err := os.ReadFile(filepath.Join(dir, "aws", "credentials"))
	if err != nil || !strings.Contains(string(file), key.ID) {
		t.Errorf("the operator has another key: %s, %v", file, err)
	}
	out, err := iam.NewFromConfig(cloud.Operator()).GetUser(t.Context(), nil)
	if err != nil || *out.User.UserId != key.Principal.UserID || time.Since(*out.User.CreateDate) > time.Minute {
		t.Errorf("%+v, %v", out, err)
	}
}
