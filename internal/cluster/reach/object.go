package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

func checkObject(ctx context.Context, e *Env) doctor.Finding {
	_, err := s3.NewFromConfig(e.Config).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &e.bucket, Key: &e.key})
	switch awserr.Status(err) {
	case 404:
		return failed(hint.NotFound, e.Script+" does not exist; ParallelCluster would terminate every node that tries to run it",
			"'"+e.Stage+"' uploads it")
	case 301:
		return failed(hint.BadInput, "bucket "+e.bucket+" is not in region "+e.Config.Region, "stage to a bucket in "+e.Config.Region)
	}
	if err != nil {
		return unknown(err)
	}
	return ok("")
}

// checkRegion: ParallelCluster downloads scripts from the node's region.
func checkRegion(ctx context.Context, e *Env) doctor.Finding {
	out, err := s3.NewFromConfig(e.Config).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &e.bucket})
	if status := awserr.Status(err); status == 301 {
		return failed(hint.BadInput, "bucket "+e.bucket+" is not in region "+e.Config.Region, "stage to a bucket in "+e.Config.Region)
	}
	if err != nil {
		return unknown(err)
	}
	if at := aws.ToString(out.BucketRegion); at != "" && at != e.Config.Region {
		return failed(hint.BadInput, fmt.Sprintf("bucket %s is in %s, the cluster in %s", e.bucket, at, e.Config.Region),
			"stage to a bucket in "+e.Config.Region)
	}
	return ok("")
}

// checkKey: a KMS key needs a permission that the stack's policies do not give.
func checkKey(ctx context.Context, e *Env) doctor.Finding {
	out, err := s3.NewFromConfig(e.Config).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &e.bucket, Key: &e.key})
	if err != nil {
		return unknown(err)
	}
	switch out.ServerSideEncryption {
	case types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse:
		return doctor.Finding{Status: doctor.Unknown,
			Detail: fmt.Sprintf("%s is encrypted with the KMS key %s, which the nodes' roles must be allowed to use (kms:Decrypt)", e.Script,
				aws.ToString(out.SSEKMSKeyId)),
			Next: "allow kms:Decrypt for the nodes' roles, or set the bucket's encryption to AES256 and stage again"}
	}
	return ok(string(out.ServerSideEncryption))
}

// statement is the part of a policy's that is looked at.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Condition map[string]any
	Action    any
	Resource  any
}

// checkBucketPolicy looks for statements that deny the script to everybody, or may deny it to somebody: whom a
// condition or a principal means is not worked out, and such a statement is Unknown.
func checkBucketPolicy(ctx context.Context, e *Env) doctor.Finding {
	out, err := s3.NewFromConfig(e.Config).GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &e.bucket})
	if awserr.Status(err) == 404 {
		return ok("the bucket has no policy")
	}
	if err != nil {
		return unknown(err)
	}
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &policy); err != nil {
		var one struct{ Statement statement }
		if json.Unmarshal([]byte(aws.ToString(out.Policy)), &one) != nil {
			return unknown(fmt.Errorf("could not read the policy of bucket %s: %w", e.bucket, err))
		}
		policy.Statement = []statement{one.Statement}
	}
	for _, s := range policy.Statement {
		if s.Effect == "Deny" && s.forAll() && s.Action != nil && s.Resource != nil && s.mayDeny(e.object(e.key)) {
			return failed(hint.Denied, fmt.Sprintf("statement %q of the policy of bucket %s denies everybody reading %s: ParallelCluster would "+
				"terminate every node", s.Sid, e.bucket, e.Script),
				"except the install script's prefix from the statement, or stage to another bucket with --bucket")
		}
	}
	for _, s := range policy.Statement {
		if s.Effect == "Deny" && s.mayDeny(e.object(e.key)) {
			return doctor.Finding{Status: doctor.Unknown,
				Detail: fmt.Sprintf("statement %q of the policy of bucket %s denies reading to some principals: "+
					"whether it affects the nodes is unknown",
					s.Sid, e.bucket),
				Next: "check that the statement does not match the nodes' roles or their network path to S3"}
		}
	}
	return ok("")
}

// forAll reports whether a statement is about everybody without a condition.
func (s statement) forAll() bool {
	named, ok := s.Principal.(map[string]any)
	principals := texts(s.Principal)
	if ok {
		principals = texts(named["AWS"])
	}
	return len(s.Condition) == 0 && slices.Contains(principals, "*")
}

// mayDeny reports whether a statement is about reading an object. One with NotAction or
// NotResource, which are not read here, may be.
func (s statement) mayDeny(arn string) bool {
	return s.Action == nil || s.Resource == nil ||
		slices.ContainsFunc(texts(s.Action), func(a string) bool { return glob(strings.ToLower(a), "s3:getobject") }) &&
			slices.ContainsFunc(texts(s.Resource), func(r string) bool { return glob(r, arn) })
}

// texts is a text or a list of them.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			if text, ok := x.(string); ok {
				all = append(all, text)
			}
		}
	}
	return all
}

// glob matches IAM's * and ?.
func glob(pattern, text string) bool {
	for {
		switch {
		case pattern == "":
			return text == ""
		case pattern[0] == '*':
			for i := range len(text) + 1 {
				if glob(pattern[1:], text[i:]) {
					return true
				}
			}
			return false
		case text == "" || pattern[0] != '?' && pattern[0] != text[0]:
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
}
