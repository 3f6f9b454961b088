package iam_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

func TestSimulatePrincipalPolicy(t *testing.T) {
	c := start(t, t.TempDir())
	c.user(t, "u", `{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"},{"Effect":"Deny","Action":"s3:GetObjectAcl","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`)
	out, err := c.operator().SimulatePrincipalPolicy(t.Context(), &sdk.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(account + "user/u"), ActionNames: []string{"s3:GetObject", "s3:GetObjectAcl", "iam:PassRole"},
		ResourceArns: []string{"arn:aws:s3:::b/k", "arn:aws:s3:::other/k"},
		ContextEntries: []types.ContextEntry{{ContextKeyName: aws.String("iam:PassedToService"), ContextKeyType: types.ContextKeyTypeEnumString,
			ContextKeyValues: []string{"ec2.amazonaws.com"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// One result for each action, the strictest, and in it one for each resource.
	got := map[string][]string{}
	for _, r := range out.EvaluationResults {
		all := []string{string(r.EvalDecision)}
		for _, each := range r.ResourceSpecificResults {
			all = append(all, *each.EvalResourceName+" "+string(each.EvalResourceDecision))
		}
		got[*r.EvalActionName] = all
	}
	if diff := cmp.Diff(map[string][]string{
		"s3:GetObject":    {"implicitDeny", "arn:aws:s3:::b/k allowed", "arn:aws:s3:::other/k implicitDeny"},
		"s3:GetObjectAcl": {"explicitDeny", "arn:aws:s3:::b/k explicitDeny", "arn:aws:s3:::other/k explicitDeny"},
		"iam:PassRole":    {"allowed", "arn:aws:s3:::b/k allowed", "arn:aws:s3:::other/k allowed"},
	}, got); diff != "" {
		t.Error(diff)
	}
	if m := out.EvaluationResults[0].ResourceSpecificResults[0].MatchedStatements; len(m) != 1 || *m[0].SourcePolicyId != "p" {
		t.Errorf("matched %+v", m)
	}
	if m := out.EvaluationResults[0].MatchedStatements; len(m) != 0 {
		t.Errorf("what allows matched where nothing is allowed: %+v", m)
	}
}

// Without resources it is about all of them, and there is nothing to say of each.
func TestSimulationOfAllResources(t *testing.T) {
	c := start(t, t.TempDir())
	c.user(t, "u", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}},
		{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`)
	input := &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(account + "user/u"),
		ActionNames: []string{"iam:PassRole", "s3:GetObject", "ec2:CreateVpc"}}
	var got []string
	for pages := sdk.NewSimulatePrincipalPolicyPaginator(c.operator(), input, func(o *sdk.SimulatePrincipalPolicyPaginatorOptions) {
		o.Limit = 1
	}); pages.HasMorePages(); {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(out.EvaluationResults) != 1 {
			t.Fatalf("a page of one has %d", len(out.EvaluationResults))
		}
		r := out.EvaluationResults[0]
		line := *r.EvalActionName + " " + *r.EvalResourceName + " " + string(r.EvalDecision)
		for _, key := range r.MissingContextValues {
			line += " " + key
		}
		if len(r.ResourceSpecificResults) > 0 {
			t.Errorf("%s: %+v", line, r.ResourceSpecificResults)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{
		"iam:PassRole * implicitDeny iam:PassedToService", "s3:GetObject * implicitDeny aws:MultiFactorAuthPresent",
		"ec2:CreateVpc * implicitDeny",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhoCannotBeSimulated(t *testing.T) {
	c := start(t, t.TempDir())
	for source, code := range map[string]string{
		account + "user/nobody": "NoSuchEntity", account + "role/none": "NoSuchEntity", account + "root": "InvalidInput",
		"arn:aws:sts::111122223333:assumed-role/r/s": "InvalidInput", "arn:aws:s3:::a-bucket-of-somebody": "InvalidInput",
	} {
		refused(t, code, "")(c.operator().SimulatePrincipalPolicy(t.Context(), &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: &source,
			ActionNames: []string{"s3:GetObject"}}))
	}
	refused(t, "NotImplemented", "CallerArn")(c.operator().SimulatePrincipalPolicy(t.Context(), &sdk.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(account + "user/operator"), CallerArn: aws.String(account + "user/operator"),
		ActionNames: []string{"s3:GetObject"},
	}))
}
