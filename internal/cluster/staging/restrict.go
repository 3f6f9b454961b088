package staging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/hint"
)

// keepOthersOut restricts who writes, as the stage says. Where it says nothing and the caller may not, or
// is nobody whom a policy could name, it returns the reason and no error.
func (s Stage) keepOthersOut(ctx context.Context, cfg aws.Config, b store) (writer, unrestricted string, err error) {
	if s.Restrict != nil && !*s.Restrict {
		return "", "", nil
	}
	writer, err = b.restrict(ctx, cfg, s.Stack, s.Restrict != nil)
	if code := hint.CodeOf(err); s.Restrict == nil && (code == hint.Denied || code == hint.BadInput) {
		return "", err.Error(), nil
	}
	return writer, "", err
}

// statement is what is read of a bucket's policy's statement.
type statement struct {
	Sid       string
	Condition struct {
		ArnNotLike struct {
			Principals any `json:"aws:PrincipalArn"` // a text, or a list
		}
	}
}

// writer is the first of those whom a statement of ours lets write.
func (s statement) writer() string {
	switch p := s.Condition.ArnNotLike.Principals.(type) {
	case string:
		return p
	case []any:
		if len(p) > 0 {
			first, _ := p[0].(string)
			return first
		}
	}
	return ""
}

// restrict has the bucket's policy deny everybody but the caller to write and delete below
// the stack's prefix, whatever their own policies allow: whoever may is root on every node.
// Other statements stay. It returns the ARN, or the pattern of ARNs, that may write. A statement that
// is there already stays unless replace is set.
func (s store) restrict(ctx context.Context, cfg aws.Config, stackName string, replace bool) (writer string, err error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", explain("identify the caller", err)
	}
	writers, err := principals(aws.ToString(who.Arn))
	if err != nil {
		return "", err
	}
	policy := struct {
		Version   string
		ID        string            `json:"Id,omitempty"`
		Statement []json.RawMessage `json:"Statement"`
	}{Version: "2012-10-17"}
	has, err := s.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.bucket, ExpectedBucketOwner: &s.owner})
	if err != nil && !isCode(err, "NoSuchBucketPolicy") {
		return "", explain("read the policy of bucket "+s.bucket, err)
	}
	if err == nil {
		if err := json.Unmarshal([]byte(aws.ToString(has.Policy)), &policy); err != nil {
			return "", hint.New(hint.BadInput, fmt.Errorf("the policy of bucket %s cannot be read: %w", s.bucket, err),
				"write its Statement as a list")
		}
	}
	sum := sha256.Sum256([]byte(stackName))
	sid := "ParascopeWriters" + hex.EncodeToString(sum[:8]) // a Sid has letters and digits only
	kept := []json.RawMessage{}
	for _, old := range policy.Statement {
		var has statement
		if err := json.Unmarshal(old, &has); err != nil || has.Sid != sid {
			kept = append(kept, old)
		} else if !replace && has.writer() != "" {
			return has.writer(), nil
		}
	}
	partition, _, _ := strings.Cut(strings.TrimPrefix(aws.ToString(who.Arn), "arn:"), ":")
	ours, err := json.Marshal(map[string]any{
		"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": []string{"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"},
		"Resource":  "arn:" + partition + ":s3:::" + s.bucket + "/" + prefix(stackName) + "*",
		"Condition": map[string]any{"ArnNotLike": map[string]any{"aws:PrincipalArn": writers}},
	})
	if err != nil {
		return "", fmt.Errorf("could not write the policy of bucket %s: %w", s.bucket, err)
	}
	policy.Statement = append(kept, ours)
	text, err := json.Marshal(policy)
	if err != nil {
		return "", fmt.Errorf("could not write the policy of bucket %s: %w", s.bucket, err)
	}
	if _, err := s.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &s.bucket, ExpectedBucketOwner: &s.owner,
		Policy: aws.String(string(text))}); err != nil {
		return "", explain("write the policy of bucket "+s.bucket, err)
	}
	return writers[0], nil
}

// principals are the ARNs that aws:PrincipalArn has for a caller: a user's own, and of a
// session its role's, whose path the session's ARN does not say.
func principals(caller string) ([]string, error) {
	parts := strings.SplitN(caller, ":", 6)
	if len(parts) == 6 {
		kind, name, _ := strings.Cut(parts[5], "/")
		role := "arn:" + parts[1] + ":iam::" + parts[4] + ":role/"
		switch name, _, _ := strings.Cut(name, "/"); kind {
		case "user":
			return []string{caller}, nil
		case "assumed-role":
			return []string{role + name, role + "*/" + name}, nil
		}
	}
	return nil, hint.New(hint.BadInput, fmt.Errorf("%s is neither an IAM user nor a role session", caller),
		"run the command as the IAM user or role that is to write the staged objects")
}
