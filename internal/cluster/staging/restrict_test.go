package staging

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

// TestOnlyTheDeployerWrites: the statement that says so, once however often it is written; who staged first
// stays the one who may, unless told otherwise, and what the bucket's policy said before stays. The
// local cloud keeps policies of buckets and does not enforce them: what AWS makes of it is not shown here.
func TestOnlyTheDeployerWrites(t *testing.T) {
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","cloudformation:DescribeStacks"],"Resource":"*"}%s]}`
	less := fmt.Sprintf(all, `,{"Effect":"Deny","Action":"s3:PutBucketPolicy","Resource":"*"}`)
	cloud := localtest.Start(t, localaws.Options{Users: []localaws.User{{Name: "one", Policy: fmt.Sprintf(all, "")},
		{Name: "other", Policy: fmt.Sprintf(all, "")}, {Name: "less", Policy: less}}})
	stage := Stage{Stack: testStack, Version: "v1", Restrict: new(bool)}
	done, err := stage.Put(t.Context(), cloud.As("other"))
	if err != nil || done.Writer != "" || done.Unrestricted != "" {
		t.Fatalf("%+v, %v", done, err)
	}
	theirs := `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",` +
		`"Resource":"arn:aws:s3:::` + done.Bucket + `/theirs/*"}]}`
	client := s3.NewFromConfig(cloud.As("one"))
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &done.Bucket, Policy: &theirs}); err != nil {
		t.Fatal(err)
	}
	yes := true
	for i, step := range []struct {
		user     string
		restrict *bool
		writer   string
	}{{"less", nil, ""}, {"other", nil, "other"}, {"one", nil, "other"}, {"less", nil, "other"}, {"one", &yes, "one"}, {"one", &yes, "one"}} {
		stage.Restrict = step.restrict
		want := ""
		if step.writer != "" {
			want = "arn:aws:iam::111122223333:user/" + step.writer
		}
		done, err = stage.Put(t.Context(), cloud.As(step.user))
		if err != nil || done.Writer != want || strings.Contains(done.Unrestricted, "write the policy of bucket") != (want == "") {
			t.Fatalf("step %d: %+v, %v; want writer %s", i, done, err, want)
		}
	}
	stage.Restrict = &yes
	if _, err := stage.Put(t.Context(), cloud.As("less")); hint.CodeOf(err) != hint.Denied {
		t.Errorf("who may not write the policy and is told to has %v", err)
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
