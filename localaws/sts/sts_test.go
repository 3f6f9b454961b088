package sts_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sts"
)

const role = "arn:aws:iam::111122223333:role/Deploy"

// cloud is STS behind the gateway.
type cloud struct{ *servicetest.Base }

func start(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{servicetest.Open(t, t.TempDir())}
	access, err := iam.New(iam.Options{State: c.State, Keys: c.Keys, Now: c.Clock.Now, Logger: c.Logger})
	check.OK(t, err)
	c.Key = check.Must[principal.AccessKey](t)(access.EnsureUser("operator", "arn:aws:iam::aws:policy/AdministratorAccess"))
	c.Serve(gateway.Options{
		Services: []gateway.Service{sts.Service(access.Account), access.Service()}, Authorize: access.Authorize, NewID: func() string {
			return "id-1"
		},
	})
	c.role(t, "Deploy", `{"AWS":"111122223333"}`, "")
	return c
}

// role makes a role that the principal may assume under the condition, and that
// may assume every role.
func (c *cloud) role(t *testing.T, name, trusted, condition string) string {
	t.Helper()
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	client := c.iam(c.Key)
	out, err := client.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: &name,
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + trusted +
			`,"Action":"sts:AssumeRole"` + condition + `}}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("assume"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Role.Arn
}

// user makes a user with the statement as its only policy, if there is one.
func (c *cloud) user(t *testing.T, name, statement string) *awssts.Client {
	t.Helper()
	client := c.iam(c.Key)
	if _, err := client.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	if statement != "" {
		if _, err := client.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":` + statement + `}`)}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := client.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return c.client(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

func (c *cloud) iam(key principal.AccessKey) *awsiam.Client {
	return awsiam.NewFromConfig(c.As(key, "us-east-1"))
}

func (c *cloud) client(id, secret, token string) *awssts.Client {
	return awssts.NewFromConfig(c.As(principal.AccessKey{ID: id, Secret: secret, SessionToken: token}, "us-east-2"))
}

func (c *cloud) operator() *awssts.Client { return c.client(c.Key.ID, c.Key.Secret, "") }

// codeOf is the error code that the SDK read from the answer.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func TestGetCallerIdentity(t *testing.T) {
	c := start(t)
	out, err := c.operator().GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.Arn) != "arn:aws:iam::111122223333:user/operator" || aws.ToString(out.Account) != "111122223333" ||
		!strings.HasPrefix(aws.ToString(out.UserId), "AIDA") {
		t.Errorf("identity %s %s %s", *out.Arn, *out.Account, *out.UserId)
	}
}

func TestPresignedGetCallerIdentity(t *testing.T) {
	c := start(t)
	signed, err := awssts.NewPresignClient(c.operator()).PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(url string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), signed.Method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if status, body := get(signed.URL); status != 200 || !strings.Contains(body, "<Arn>arn:aws:iam::111122223333:user/operator</Arn>") {
		t.Errorf("status %d: %s", status, body)
	}
	if status, body := get(signed.URL + "&More=1"); status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("changed: status %d: %s", status, body)
	}
	c.Clock.Set(time.Hour)
	if status, body := get(signed.URL); status != 403 || !strings.Contains(body, "Signature expired: ") {
		t.Errorf("an hour later: status %d: %s", status, body)
	}
}

func TestRefusedCredentials(t *testing.T) {
	c := start(t)
	for name, tc := range map[string]struct {
		client *awssts.Client
		skew   time.Duration
		code   string
	}{
		"wrong secret":       {c.client(c.Key.ID, "not it", ""), 0, "SignatureDoesNotMatch"},
		"unknown key":        {c.client("AKIANOBODY", "x", ""), 0, "InvalidClientTokenId"},
		"token too many":     {c.client(c.Key.ID, c.Key.Secret, "token"), 0, "InvalidClientTokenId"},
		"cloud 6 min ahead":  {c.operator(), 6 * time.Minute, "SignatureDoesNotMatch"},
		"cloud 6 min behind": {c.operator(), -6 * time.Minute, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			c.Clock.Set(tc.skew)
			if _, err := tc.client.GetCallerIdentity(t.Context(), nil); codeOf(err) != tc.code {
				t.Errorf("%v, want %s", err, tc.code)
			}
		})
	}
}

func assume(ctx context.Context, c *awssts.Client, arn string) (*awssts.AssumeRoleOutput, error) {
	return c.AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("me@work"), DurationSeconds: aws.Int32(900)})
}

func TestAssumeRole(t *testing.T) {
	c := start(t)
	out, err := assume(t.Context(), c.operator(), role)
	if err != nil {
		t.Fatal(err)
	}
	cred := out.Credentials
	session := c.client(*cred.AccessKeyId, *cred.SecretAccessKey, *cred.SessionToken)
	id, err := session.GetCallerIdentity(t.Context(), nil)
	if err != nil || aws.ToString(id.Arn) != "arn:aws:sts::111122223333:assumed-role/Deploy/me@work" {
		t.Errorf("as the role: %v, %v", id, err)
	}
	if _, err := c.client(*cred.AccessKeyId, *cred.SecretAccessKey, "").GetCallerIdentity(t.Context(),
		nil); codeOf(err) != "InvalidClientTokenId" {
		t.Errorf("without the session token: %v", err)
	}
	// The cloud's clock is put after the session's end. The SDK's is not, but
	// that the session is over comes before that the signature is old.
	c.Clock.Set(time.Until(*cred.Expiration) + time.Second)
	if _, err := session.GetCallerIdentity(t.Context(), nil); codeOf(err) != "ExpiredToken" {
		t.Errorf("after its end: %v", err)
	}
}

func TestAssumeRoleRefused(t *testing.T) {
	c := start(t)
	if _, err := assume(t.Context(), c.operator(), role+"X"); codeOf(err) != "AccessDenied" ||
		!strings.Contains(err.Error(), "is not authorized to perform: sts:AssumeRole on resource: "+role+"X") {
		t.Errorf("unknown role: %v", err)
	}
	for name, in := range map[string]*awssts.AssumeRoleInput{
		"session name": {RoleArn: aws.String(role), RoleSessionName: aws.String("a b")},
		"short":        {RoleArn: aws.String(role), RoleSessionName: aws.String("me"), DurationSeconds: aws.Int32(899)},
		"long":         {RoleArn: aws.String(role), RoleSessionName: aws.String("me"), DurationSeconds: aws.Int32(43201)},
		"no ARN":       {RoleArn: aws.String("Deploy"), RoleSessionName: aws.String("me")},
	} {
		if _, err := c.operator().AssumeRole(t.Context(), in); codeOf(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoMayAssume(t *testing.T) {
	c := start(t)
	const (
		allow = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
		deny  = `{"Effect":"Deny","Action":"sts:*","Resource":"*"}`
	)
	allowed, plain, denied := c.user(t, "allowed", allow), c.user(t, "plain", ""), c.user(t, "denied", deny)
	byAccount := c.role(t, "ByAccount", `{"AWS":"arn:aws:iam::111122223333:root"}`, "")
	byName := c.role(t, "ByName", `{"AWS":["arn:aws:iam::111122223333:user/plain","arn:aws:iam::111122223333:user/denied"]}`, "")
	byService := c.role(t, "ByService", `{"Service":"lambda.amazonaws.com"}`, "")
	elsewhere := c.role(t, "Elsewhere", `{"AWS":"444455556666"}`, "")
	for name, tc := range map[string]struct {
		client *awssts.Client
		role   string
		ok     bool
	}{
		"the account, and its own policy":          {allowed, byAccount, true},
		"the account, and no policy":               {plain, byAccount, false},
		"the account, and an explicit deny":        {denied, byAccount, false},
		"its own name, and no policy":              {plain, byName, true},
		"its own name, and an explicit deny":       {denied, byName, false},
		"another's name, and its own policy":       {allowed, byName, false},
		"a service, and its own policy":            {allowed, byService, false},
		"another account, and its own policy":      {allowed, elsewhere, false},
		"everything but a role that there is none": {allowed, byAccount + "X", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := assume(t.Context(), tc.client, tc.role)
			if tc.ok && err != nil || !tc.ok && codeOf(err) != "AccessDenied" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestExternalID(t *testing.T) {
	c := start(t)
	arn := c.role(t, "External", `{"AWS":"111122223333"}`, `{"StringEquals":{"sts:ExternalId":"secret"}}`)
	for id, ok := range map[string]bool{"secret": true, "guess": false, "": false} {
		in := &awssts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("me")}
		if id != "" {
			in.ExternalId = &id
		}
		if _, err := c.operator().AssumeRole(t.Context(), in); ok && err != nil || !ok && codeOf(err) != "AccessDenied" {
			t.Errorf("external id %q: %v", id, err)
		}
	}
}

func TestSessionsOfSessions(t *testing.T) {
	c := start(t)
	second := c.role(t, "Second", `{"AWS":"arn:aws:iam::111122223333:role/Deploy"}`, "")
	if _, err := assume(t.Context(), c.operator(), second); codeOf(err) != "AccessDenied" {
		t.Errorf("the operator became %s: %v", second, err)
	}
	out, err := assume(t.Context(), c.operator(), role)
	if err != nil {
		t.Fatal(err)
	}
	first := c.client(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	if _, err := assume(t.Context(), first, second); err != nil {
		t.Errorf("the first role: %v", err)
	}
	_, err = first.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &second, RoleSessionName: aws.String("me"),
		DurationSeconds: aws.Int32(3601)})
	if codeOf(err) != "ValidationError" || !strings.Contains(err.Error(), "role chaining") {
		t.Errorf("more than an hour: %v", err)
	}
	_, err = c.operator().AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("me"),
		DurationSeconds: aws.Int32(3601)})
	if codeOf(err) != "ValidationError" || !strings.Contains(err.Error(), "MaxSessionDuration") {
		t.Errorf("more than the role's hour: %v", err)
	}
}

func TestOperationsNotImplemented(t *testing.T) {
	c := start(t)
	_, err := c.operator().GetSessionToken(t.Context(), nil)
	if codeOf(err) != "NotImplemented" || !strings.Contains(err.Error(), "sts:GetSessionToken") {
		t.Errorf("GetSessionToken: %v", err)
	}
	_, err = c.operator().AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("me"),
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
	if codeOf(err) != "NotImplemented" {
		t.Errorf("a session policy was accepted: %v", err)
	}
}
