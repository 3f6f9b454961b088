package staging

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

// TestOnlyTheDeployerWrites: another user, whose own policy allows all of S3, may read what
// nodes install and not write it; what the bucket's policy said before stays.
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
	key, other := cluster.ScriptKey(testStack), s3.NewFromConfig(cloud.As("other"))
	if _, err := other.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &done.Bucket, Key: &key}); !isCode(err, "AccessDenied") {
		t.Errorf("another user writes the script: %v", err)
	}
	if _, err := other.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &done.Bucket, Key: &key}); !isCode(err, "AccessDenied") {
		t.Errorf("another user deletes the script: %v", err)
	}
	if len(objectAt(t, other, done.Bucket, key)) == 0 {
		t.Error("another user cannot read the script")
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
