package staging

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

// TestOnlyTheDeployerWrites: the statement that says so, once however often it is written;
// what the bucket's policy said before stays. The local cloud keeps policies of buckets and
// does not enforce them: what AWS makes of it is not shown here.
func TestOnlyTheDeployerWrites(t *testing.T) {
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","cloudformation:DescribeStacks"],"Resource":"*"}]}`
	cloud := localtest.Start(t, localaws.Options{Users: []localaws.User{{Name: "one", Policy: all}, {Name: "other", Policy: all}}})
	stage := Stage{Stack: testStack, Version: "v1"}
	done, err := stage.Put(t.Context(), cloud.As("other"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",` +
		`"Resource":"arn:aws:s3:::` + done.Bucket + `/theirs/*"}]}`
	client := s3.NewFromConfig(cloud.As("one"))
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &done.Bucket, Policy: &theirs}); err != nil {
		t.Fatal(err)
	}
	stage.Restrict = true
	for range 2 {
		done, err = stage.Put(t.Context(), cloud.As("one"))
		if err != nil || done.Writer != "arn:aws:iam::111122223333:user/one" {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	policy, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &done.Bucket})
	if err != nil || strings.Count(*policy.Policy, `"Sid"`) != 2 || !strings.Contains(*policy.Policy, `"Theirs"`) {
		t.Errorf("the policy is %v, %v", policy, err)
	}
	const ours = `{"Action":["s3:PutObject","s3:DeleteObject","s3:DeleteObjectVersion"],` +
		`"Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:user/one"]}},"Effect":"Deny","Principal":"*",` +
		`"Resource":"arn:aws:s3:::parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/*","Sid":"ParascopeWriters`
	if err == nil && !strings.Contains(*policy.Policy, ours) {
		t.Errorf("the policy is %s", *policy.Policy)
	}
}

func TestPrincipals(t *testing.T) {
	for caller, want := range map[string][]string{
		"arn:aws:iam::111122223333:user/a/b": {"arn:aws:iam::111122223333:user/a/b"},
		"arn:aws-cn:sts::111122223333:assumed-role/Deployer/me": {"arn:aws-cn:iam::111122223333:role/Deployer",
			"arn:aws-cn:iam::111122223333:role/*/Deployer"},
		"arn:aws:iam::111122223333:root": nil,
	} {
		got, err := principals(caller)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) == (want == nil) {
			t.Errorf("%s: %v %s", caller, err, diff)
		}
	}
}
