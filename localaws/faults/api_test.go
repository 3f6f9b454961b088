package faults_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// config is for clients with these credentials, each request on a connection of its
// own and tried once.
func (c *cloud) config(who aws.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-2", BaseEndpoint: aws.String(c.URL()), HTTPClient: &c.client, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(who.AccessKeyID, who.SecretAccessKey, who.SessionToken),
	}
}

// session begins one of a role that may do everything.
func (c *cloud) session(t *testing.T) aws.Config {
	t.Helper()
	operator := iam.NewFromConfig(c.config(c.operator))
	role := aws.String("admin")
	_, err := operator.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`)})
	if api, ok := errors.AsType[smithy.APIError](err); err != nil && !(ok && api.ErrorCode() == "EntityAlreadyExists") {
		t.Fatal(err)
	}
	if _, err := operator.AttachRolePolicy(t.Context(),
		&iam.AttachRolePolicyInput{RoleName: role, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(c.config(c.operator)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/admin"), RoleSessionName: aws.String("me")})
	if err != nil {
		t.Fatal(err)
	}
	k := out.Credentials
	return c.config(aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken})
}

// TestExpiredOnAnAPI: sessions that began before it are over, on that API alone; a
// new one and a key that does not end are served.
func TestExpiredOnAnAPI(t *testing.T) {
	c := start(t)
	before := c.session(t)
	ask := func(cfg aws.Config) string {
		_, err := cloudformation.NewFromConfig(cfg).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			return api.ErrorCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return "served"
	}
	if got := ask(before); got != "served" {
		t.Fatalf("without a fault: %s", got)
	}
	c.faults(t, "POST", "", `{"kind":"expired","on":"cloudformation"}`)
	for name, w := range map[string]struct {
		cfg  aws.Config
		want string
	}{
		"a session that began before": {before, "ExpiredToken"},
		"one that began after":        {c.session(t), "served"},
		"a user's key":                {c.config(c.operator), "served"},
	} {
		if got := ask(w.cfg); got != w.want {
			t.Errorf("%s: %s, want %s", name, got, w.want)
		}
	}
	if _, err := sts.NewFromConfig(before).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Errorf("another API: %v", err)
	}
	c.faults(t, "DELETE", "", "")
	if got := ask(before); got != "served" {
		t.Errorf("after it was cleared: %s", got)
	}
}

// TestTroubleOfAnAPI: a reset and an answer that is late are on it as on the network.
func TestTroubleOfAnAPI(t *testing.T) {
	c := start(t)
	client := sts.NewFromConfig(c.config(c.operator))
	c.faults(t, "POST", "", `{"kind":"reset","on":"sts"}`)
	if _, err := client.GetCallerIdentity(t.Context(), nil); err == nil {
		t.Error("a reset was answered")
	}
	c.faults(t, "DELETE", "", "")
	c.faults(t, "POST", "", `{"kind":"slow","delaySeconds":0.01,"on":"sts"}`)
	if _, err := client.GetCallerIdentity(t.Context(), nil); err != nil {
		t.Errorf("an answer that is late: %v", err)
	}
	if got := c.faults(t, http.MethodGet, "", ""); !strings.Contains(got, `"hits":1`) {
		t.Errorf("nobody met it: %s", got)
	}
}
