package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func identity(t *testing.T, statements ...string) *Document {
	t.Helper()
	d, err := ParseIdentity(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
	if err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	return d
}

const ws = "arn:aws:aps:us-east-2:111122223333:workspace/ws-1"

func TestActionsAndResources(t *testing.T) {
	for _, c := range []struct {
		statement        string
		action, resource string
		want             Effect
	}{
		{`{"Effect":"Allow","Action":"*","Resource":"*"}`, "iam:CreateRole", "*", Allow},
		{`{"Effect":"Allow","Action":"aps:RemoteWrite","Resource":"` + ws + `"}`, "aps:RemoteWrite", ws, Allow},
		{`{"Effect":"Allow","Action":"APS:remotewrite","Resource":"*"}`, "aps:RemoteWrite", ws, Allow},
		{`{"Effect":"Allow","Action":"aps:RemoteWrite","Resource":"` + strings.Replace(ws, "ws-1", "WS-1", 1) + `"}`, "aps:RemoteWrite", ws,
			NoMatch},
		{`{"Effect":"Allow","Action":"aps:RemoteWrite","Resource":"` + ws + `"}`, "aps:RemoteWrite", ws + "2", NoMatch},
		{`{"Effect":"Allow","Action":"aps:RemoteWrite","Resource":"*"}`, "aps:QueryMetrics", ws, NoMatch},
		{`{"Effect":"Allow","Action":["aps:Get*","aps:?ueryMetrics"],"Resource":"arn:aws:aps:*:111122223333:workspace/*"}`, "aps:QueryMetrics",
			ws, Allow},
		{`{"Effect":"Allow","Action":"aps:Get*","Resource":"arn:aws:aps:*"}`, "aps:GetLabels", ws, Allow},
		{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/a*/c?"}`, "s3:GetObject", "arn:aws:s3:::b/a/x/y/cd", Allow},
		{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/a*/c?"}`, "s3:GetObject", "arn:aws:s3:::b/a/x/y/c", NoMatch},
		{`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, "s3:GetObject", "*", Allow},
		{`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, "iam:GetRole", "*", NoMatch},
		{`{"Effect":"Allow","Action":"*","NotResource":"` + ws + `"}`, "aps:RemoteWrite", ws, NoMatch},
		{`{"Effect":"Allow","Action":"*","NotResource":"` + ws + `"}`, "aps:RemoteWrite", ws + "2", Allow},
		{`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"aps:Delete*","Resource":"*"}`, "aps:DeleteWorkspace", ws,
			Deny},
		{`{"Effect":"Deny","Action":"aps:Delete*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`, "aps:DeleteWorkspace", ws,
			Deny},
		{`{"Effect":"Deny","Action":"aps:Delete*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`, "aps:RemoteWrite", ws, Allow},
		{`{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}`, "iam:GetUser", "arn:aws:iam::1:user/me", Allow},
		{`{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}`, "iam:GetUser", "arn:aws:iam::1:user/you",
			NoMatch},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${*}"}`, "s3:GetObject", "arn:aws:s3:::b/x", NoMatch},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${*}"}`, "s3:GetObject", "arn:aws:s3:::b/*", Allow},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:none, 'x'}"}`, "s3:GetObject", "arn:aws:s3:::b/x", Allow},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:none}"}`, "s3:GetObject", "arn:aws:s3:::b/${aws:none}", NoMatch},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:none}"}`,
			"s3:GetObject", "arn:aws:s3:::b/x", Deny},
	} {
		q := Request{Action: c.action, Resource: c.resource, Keys: map[string][]string{"aws:username": {"me"}}}
		if got := Evaluate([]*Document{identity(t, c.statement)}, q); got.Effect != c.want {
			t.Errorf("%s for %s on %s: %v, want %v", c.statement, c.action, c.resource, got, c.want)
		}
	}
}

// A wildcard in the value of a variable is a letter like others.
func TestVariableValuesAreLiteral(t *testing.T) {
	d := identity(t, `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`)
	q := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/you/x", Keys: map[string][]string{"aws:username": {"*"}}}
	if v := Evaluate([]*Document{d}, q); v.Effect != NoMatch {
		t.Errorf("user * reads another's folder: %+v", v)
	}
}

func TestConditions(t *testing.T) {
	keys := map[string][]string{
		"aws:RequestedRegion": {"us-east-2"}, "iam:PassedToService": {"lambda.amazonaws.com"},
		"aws:SourceArn": {"arn:aws:grafana:us-east-2:1:/workspaces/g-1"},
		"aws:TagKeys":   {"a", "b"}, "aws:username": {"me"}, "n:Count": {"10"}, "b:Flag": {"true"}, "aws:RequestTag/none": {},
	}
	for _, c := range []struct {
		condition string
		want      bool
	}{
		{`"StringEquals":{"aws:requestedregion":"us-east-2"}`, true},
		{`"StringEquals":{"aws:RequestedRegion":["eu-west-1","us-east-2"]}`, true},
		{`"StringEquals":{"aws:RequestedRegion":"US-EAST-2"}`, false},
		{`"StringEquals":{"aws:RequestedRegion":"us-*"}`, false},
		{`"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","us-east-2"]}`, false},
		{`"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}`, true},
		{`"StringEqualsIgnoreCase":{"aws:RequestedRegion":"US-EAST-2"}`, true},
		{`"StringNotEqualsIgnoreCase":{"aws:RequestedRegion":"US-EAST-2"}`, false},
		{`"StringLike":{"aws:RequestedRegion":"us-*"}`, true},
		{`"StringNotLike":{"aws:RequestedRegion":"us-*"}`, false},
		{`"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}`, false},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:grafana:*:1:/workspaces/*"}`, true},
		{`"ArnEquals":{"aws:SourceArn":"arn:aws:grafana:*:1:/workspaces/*"}`, true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:*:/workspaces/*"}`, false}, // a wildcard stays in its part
		{`"ArnNotLike":{"aws:SourceArn":"arn:aws:lambda:*:*:*"}`, true},
		{`"ArnNotEquals":{"aws:SourceArn":"arn:aws:grafana:*:1:*"}`, false},
		{`"Bool":{"b:Flag":true}`, true},
		{`"Bool":{"b:Flag":"False"}`, false},
		{`"NumericLessThan":{"n:Count":11}`, true},
		{`"NumericLessThan":{"n:Count":"10"}`, false},
		{`"NumericLessThanEquals":{"n:Count":10.0}`, true},
		{`"NumericGreaterThan":{"n:Count":9}`, true},
		{`"NumericGreaterThanEquals":{"n:Count":11}`, false},
		{`"NumericEquals":{"n:Count":"1e1"}`, true},
		{`"NumericNotEquals":{"n:Count":10}`, false},
		{`"NumericEquals":{"aws:username":10}`, false},
		{`"Null":{"aws:SourceAccount":"true"}`, true},
		{`"Null":{"aws:username":true}`, false},
		{`"Null":{"aws:RequestTag/none":"true"}`, true},
		{`"StringEquals":{"aws:SourceAccount":"1"}`, false},
		{`"StringNotEquals":{"aws:SourceAccount":"1"}`, true},
		{`"StringEqualsIfExists":{"aws:SourceAccount":"1"}`, true},
		{`"StringEqualsIfExists":{"aws:username":"you"}`, false},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}`, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}`, false},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":["b"]}`, false},
		{`"ForAllValues:StringEquals":{"aws:SourceAccount":"1"}`, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["b"]}`, true},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["b"]}`, true},
		{`"ForAnyValue:StringEquals":{"aws:SourceAccount":"1"}`, false},
		{`"StringEquals":{"aws:username":"${aws:username}"}`, true},
		{`"StringEquals":{"aws:username":"me","aws:RequestedRegion":"eu-west-1"}`, false},
		{`"StringEquals":{"aws:username":"me"},"StringLike":{"aws:RequestedRegion":"eu-*"}`, false},
		{`"StringEquals":{"aws:username":[]}`, false},
	} {
		d := identity(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+c.condition+`}}`)
		v := Evaluate([]*Document{d}, Request{Action: "a:B", Resource: "*", Keys: keys})
		if (v.Effect == Allow) != c.want || v.Unknown != nil {
			t.Errorf("%s: %+v, want %v", c.condition, v, c.want)
		}
	}
}

func TestWhatIsNotKnownAllowsNothingAndDenies(t *testing.T) {
	for condition, says := range map[string]string{
		`"StringEquals":{"aws:Foo":"x"}`:                      "condition key aws:Foo is not supported by the local cloud",
		`"StringNotEquals":{"aws:Foo":"x"}`:                   "condition key aws:Foo is not supported by the local cloud",
		`"StringEqualsIfExists":{"aws:Foo":"x"}`:              "condition key aws:Foo is not supported by the local cloud",
		`"ForAllValues:StringEquals":{"aws:Foo":"x"}`:         "condition key aws:Foo is not supported by the local cloud",
		`"Null":{"aws:Foo":"true"}`:                           "condition key aws:Foo is not supported by the local cloud",
		`"IpAddress":{"aws:username":"10.0.0.0/8"}`:           "condition operator IpAddress is not supported by the local cloud",
		`"DateLessThan":{"aws:username":"2020-01-01"}`:        "condition operator DateLessThan is not supported by the local cloud",
		`"StringEquals":{"aws:username":"${aws:PrincipalX}"}`: "policy variable aws:PrincipalX has no single value",
	} {
		q := Request{Action: "a:B", Resource: "*", Keys: map[string][]string{"aws:username": {"me"}}}
		allow := identity(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+condition+`}}`)
		if v := Evaluate([]*Document{allow}, q); v.Effect != NoMatch || len(v.Unknown) != 1 || !strings.Contains(v.Unknown[0], says) {
			t.Errorf("Allow if %s: %+v", condition, v)
		}
		deny := identity(t, `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{`+condition+`}}`)
		if v := Evaluate([]*Document{deny}, q); v.Effect != Deny || len(v.Unknown) != 1 || !strings.Contains(v.Unknown[0], says) {
			t.Errorf("Deny if %s: %+v", condition, v)
		}
		other := identity(t, `{"Effect":"Deny","Action":"c:D","Resource":"*","Condition":{`+condition+`}}`)
		if v := Evaluate([]*Document{other}, q); v.Effect != NoMatch || v.Unknown != nil {
			t.Errorf("Deny of something else if %s: %+v", condition, v)
		}
	}
}

func TestTrust(t *testing.T) {
	user := Caller{ARNs: []string{"arn:aws:iam::111122223333:user/me"}, Account: "111122223333"}
	session := Caller{ARNs: []string{"arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:iam::111122223333:role/R"},
		Account: "111122223333"}
	lambda := Caller{Service: "lambda.amazonaws.com", Account: "111122223333"}
	for _, c := range []struct {
		principal string
		caller    Caller
		want      Effect
		named     bool
	}{
		{`"*"`, user, Allow, false},
		{`"*"`, lambda, NoMatch, false},
		{`{"AWS":"*"}`, user, Allow, false},
		{`{"AWS":"111122223333"}`, user, Allow, false},
		{`{"AWS":"444455556666"}`, user, NoMatch, false},
		{`{"AWS":"arn:aws:iam::111122223333:root"}`, session, Allow, false},
		{`{"AWS":"arn:aws:iam::111122223333:user/me"}`, user, Allow, true},
		{`{"AWS":"arn:aws:iam::111122223333:user/you"}`, user, NoMatch, false},
		{`{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:role/R"]}`, session, Allow, true},
		{`{"AWS":"arn:aws:sts::111122223333:assumed-role/R/s"}`, session, Allow, true},
		{`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, lambda, Allow, false},
		{`{"Service":"ec2.amazonaws.com"}`, lambda, NoMatch, false},
		{`{"Service":"lambda.amazonaws.com"}`, user, NoMatch, false},
	} {
		d, err := ParseTrust(`{"Statement":{"Effect":"Allow","Principal":` + c.principal + `,"Action":"sts:AssumeRole"}}`)
		if err != nil {
			t.Fatalf("%s: %v", c.principal, err)
		}
		v := Evaluate([]*Document{d}, Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/X", Caller: c.caller})
		if v.Effect != c.want || v.Named != c.named {
			t.Errorf("%s for %v: %+v", c.principal, c.caller, v)
		}
	}
}

func TestMalformedIdentityPolicies(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	for document, message := range map[string]string{
		``:                    "This policy contains invalid Json",
		`[]`:                  "This policy contains invalid Json",
		statement(`{}`) + `x`: "This policy contains invalid Json",
		`{"Statement":[]}`:    "Syntax errors in policy.",
		`{"Version":1}`:       "Syntax errors in policy.",
		`{"Version":"2012-10-17","Statements":[]}`: "Syntax errors in policy.",
		`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`: "Policy document must be version 2012-10-17 " +
			"or greater.",
		`{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`: "Policy document must be version 2012-10-17 " +
			"or greater.",
		statement(`1`): "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":null}`): "Syntax errors in policy.",
		statement(`{"Effect":"Deny","Effect":"Allow","Action":"s3:*","Resource":"*"}`):  "Syntax errors in policy.",
		`{"Version":"2012-10-17","Statement":{},` + strings.TrimPrefix(statement(`{"Effect":"Allow"}`),
			"{"): "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"a","s3:prefix":"b"}}}`):        "Syntax errors in policy.",
		statement(`{"Effect":"allow","Action":"s3:*","Resource":"*"}`):                                                                       "Syntax errors in policy.",
		statement(`{"effect":"Allow","Action":"s3:*","Resource":"*"}`):                                                                       "Syntax errors in policy.",
		statement(`{"Action":"s3:*","Resource":"*"}`):                                                                                        "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resources":"*"}`):                                                                      "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}`):                                                    "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":[null]}`):                                                                    "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Resource":"*"}`):                                                                                       "Policy statement must contain actions.",
		statement(`{"Effect":"Allow","Action":"s3:*"}`):                                                                                      "Policy statement must contain resources.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":[]}`):                                                                        "Policy statement must contain resources.",
		statement(`{"Effect":"Allow","Action":"GetObject","Resource":"*"}`):                                                                  "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
		statement(`{"Effect":"Allow","Action":"s3:Get:Object","Resource":"*"}`):                                                              "Actions/Condition can contain only one colon.",
		statement(`{"Effect":"Allow","Action":"s 3:Get","Resource":"*"}`):                                                                    "Vendor s 3 is not valid",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}`):                                                                  `Resource bucket must be in ARN format or "*".`,
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:was:s3:::b"}`):                                                          `Partition "was" is not valid for resource "arn:was:s3:::b".`,
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3"}`):                                                              "The policy failed legacy parsing",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}`):                                                       "Policy document should not specify a principal.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","NotPrincipal":"*"}`):                                                    "Policy document should not specify a principal.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Equals":{}}}`):                                             "Invalid Condition type : Equals.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":null}}`):                                             "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a":1}}}`):                                          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
		statement(`{"Sid":"a-b","Effect":"Allow","Action":"s3:*","Resource":"*"}`):                                                           "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
		statement(`{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}`): "Statement IDs (SID) in a single policy must be unique.",
	} {
		_, err := ParseIdentity(document)
		if bad, ok := errors.AsType[*Malformed](err); !ok || bad.Message != message {
			t.Errorf("%s: %v, want %s", document, err, message)
		}
	}
}

func TestMalformedTrustPolicies(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	for document, message := range map[string]string{
		`{"Version":"2012","Statement":{}}`:                                                                               "The policy must contain a valid version string",
		statement(`{"Effect":"Allow","Action":"sts:AssumeRole"}`):                                                         "Missing required field Principal",
		statement(`{"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"}`):                                          "Missing required field Principal",
		statement(`{"Effect":"Allow","Principal":"*"}`):                                                                   "Missing required field Action",
		statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}`):                          "Has prohibited field Resource",
		statement(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}`):                                           "AssumeRole policy may only specify STS AssumeRole actions.",
		statement(`{"Effect":"Allow","Principal":"me","Action":"sts:AssumeRole"}`):                                        `Invalid principal in policy: "me"`,
		statement(`{"Effect":"Allow","Principal":{"AWS":"me"},"Action":"sts:AssumeRole"}`):                                `Invalid principal in policy: "AWS":"me"`,
		statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/*"},"Action":"sts:AssumeRole"}`):  `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*"`,
		statement(`{"Effect":"Allow","Principal":{"Service":"lambda"},"Action":"sts:AssumeRole"}`):                        `Invalid principal in policy: "SERVICE":"lambda"`,
		statement(`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeX"}`): `Invalid principal in policy: "FEDERATED":"cognito-identity.amazonaws.com"`,
	} {
		_, err := ParseTrust(document)
		if bad, ok := errors.AsType[*Malformed](err); !ok || bad.Message != message {
			t.Errorf("%s: %v, want %s", document, err, message)
		}
	}
}

func TestPrincipalARNs(t *testing.T) {
	d, err := ParseTrust(
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*","arn:aws:iam::111122223333:role/a"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	if err != nil || !slices.Equal(d.PrincipalARNs(), []string{"arn:aws:iam::111122223333:role/a"}) {
		t.Errorf("%v, %v", d, err)
	}
}

// Whatever is read can be evaluated, and what is refused says why.
func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::${aws:username}*"}]}`)
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"*","NotResource":["*"],"Condition":{"ForAnyValue:StringLikeIfExists":{"aws:x":[1,true,"${*}"]}}}}`)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	f.Fuzz(func(t *testing.T, document string) {
		for _, parse := range []func(string) (*Document, error){ParseIdentity, ParseTrust} {
			d, err := parse(document)
			if err != nil {
				if bad, ok := errors.AsType[*Malformed](err); !ok || bad.Message == "" {
					t.Fatalf("%v is no answer of IAM", err)
				}
				continue
			}
			Evaluate([]*Document{d}, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k",
				Keys: map[string][]string{"aws:username": {"me"}, "aws:x": {"1"}}})
		}
	})
}
