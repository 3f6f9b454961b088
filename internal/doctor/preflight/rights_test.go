package preflight

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/stack"
)

// TestTheDeployersPolicyCanBeAsked: what the questions rely on holds of the policy.
func TestTheDeployersPolicyCanBeAsked(t *testing.T) {
	known := map[string]bool{}
	for _, s := range deployerStatements() {
		known[s.Sid] = true
		for operator := range s.Condition {
			if !slices.Contains([]string{"StringEquals", "StringLike", "ArnEquals", "ArnLike"}, operator) {
				t.Errorf("%s: a value of the policy's need not fulfil %s", s.Sid, operator)
			}
		}
	}
	for _, sid := range slices.Concat(forGrafana, forPrometheus, forOthers) {
		if !known[sid] {
			t.Errorf("the policy has no statement %s", sid)
		}
	}
}

// newEnv fills in what checks that come earlier find; nil parameters mean no stack.
func newEnv(e Env, parameters map[string]string) *Env {
	e.Account, e.Caller = "111122223333", "arn:aws:iam::111122223333:user/u"
	e.Config.Region = "eu-west-1"
	if parameters != nil {
		e.State = stack.State{Status: "CREATE_COMPLETE", Parameters: parameters}
	}
	return &e
}

// TestQuestions: few calls, about resources that could be the stack's.
func TestQuestions(t *testing.T) {
	all := newEnv(Env{StackName: "mine"}, nil).questions()
	got := map[string][]string{} // the first action of each question, by its resource
	asked := 0
	for _, q := range all {
		asked += len(q.actions)
		what := q.actions[0]
		for _, c := range q.context {
			what += " " + *c.ContextKeyName + "=" + c.ContextKeyValues[0]
		}
		got[q.resource] = append(got[q.resource], what)
		if len(q.actions) > mostActions {
			t.Errorf("%d actions in one call", len(q.actions))
		}
	}
	const europe, global = " aws:RequestedRegion=eu-west-1", " aws:RequestedRegion=us-east-1"
	if diff := cmp.Diff(map[string][]string{
		"*": {"cloudformation:ValidateTemplate" + europe, "grafana:DeleteWorkspace" + europe,
			"organizations:DescribeOrganization" + global},
		"arn:aws:s3:::parascope-111122223333-eu-west-1": {"s3:CreateBucket" +
			europe},
		"arn:aws:s3:::parascope-111122223333-eu-west-1/grafana-datasource-setup/preflight": {"s3:GetObject" + europe},
		"arn:aws:cloudformation:eu-west-1:111122223333:stack/mine/preflight":               {"cloudformation:CreateStack" + europe},
		"arn:aws:aps:eu-west-1:111122223333:workspace/preflight": {"aps:QueryMetrics" +
			europe},
		"arn:aws:aps:eu-west-1:111122223333:rulegroupsnamespace/preflight/parascope-preflight": {"aps:CreateRuleGroupsNamespace" + europe},
		"arn:aws:sns:eu-west-1:111122223333:mine-alerts":                                       {"sns:CreateTopic" + europe},
		"arn:aws:lambda:eu-west-1:111122223333:function:mine-grafana-datasource-setup": {"lambda:CreateFunction" +
			europe},
		"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/mine-grafana-datasource-setup:log-stream:preflight": {"logs:CreateLogGroup" +
			europe},
		"arn:aws:iam::111122223333:policy/parallelcluster/mine-preflight": {"iam:CreatePolicy" + global},
		"arn:aws:iam::111122223333:role/mine-preflight": {
			"iam:CreateRole" + global,
			"iam:AttachRolePolicy" + global + " iam:PolicyARN=arn:aws:iam::111122223333:policy/parallelcluster/mine-preflight",
			"iam:PassRole" + global + " iam:PassedToService=grafana.amazonaws.com",
			"iam:PassRole" + global + " iam:PassedToService=lambda.amazonaws.com",
		},
	}, got); diff != "" {
		t.Error(diff)
	}
	granted := 1 // PassRole, to two services
	for _, s := range deployerStatements() {
		if s.Sid != "CheckOwnRights" && !slices.Contains(forOthers, s.Sid) { // that it is granted, the answer says
			granted += len(s.Action)
		}
	}
	if asked != granted {
		t.Errorf("asked for %d permissions of %d", asked, granted)
	}
}

// TestNothingIsAskedThatTheStackDoesNotNeed: neither before the change nor after it.
func TestNothingIsAskedThatTheStackDoesNotNeed(t *testing.T) {
	const all, metrics, network = "amp+amg", "amp-only", "none"
	for name, c := range map[string]struct {
		now, then           string
		grafana, prometheus bool
	}{
		"new":                {"", "", true, true},
		"new, metrics only":  {"", metrics, false, true},
		"new, network only":  {"", network, false, false},
		"Grafana goes":       {all, network, true, true},
		"metrics go":         {metrics, network, false, true},
		"metrics come":       {network, metrics, false, true},
		"nothing is changed": {network, "", false, false},
	} {
		var has map[string]string
		if c.now != "" {
			has = map[string]string{"MonitoringType": c.now}
		}
		o := Env{StackName: "mine", Parameters: map[string]string{}}
		if c.then != "" {
			o.Parameters["MonitoringType"] = c.then
		}
		questions := newEnv(o, has).questions()
		asks := func(action string) bool {
			return slices.ContainsFunc(questions, func(q question) bool { return slices.Contains(q.actions, action) })
		}
		if asks("grafana:CreateWorkspace") != c.grafana || asks("aps:CreateWorkspace") != c.prometheus || !asks("ec2:CreateVpc") {
			t.Errorf("%s: %+v", name, questions)
		}
	}
}

// TestThePolicyThatIsMissing is named by its file.
func TestThePolicyThatIsMissing(t *testing.T) {
	for want, sids := range map[string][]string{
		"the policy in docs/iam/deployer-policy.json":                                                 {"BuildTheNetwork", "ManageGrafana"},
		"the policy in docs/iam/deployer-alerts.json":                                                 {"ManageTheAlertTopic"},
		"the policy in docs/iam/deployer-policy.json and the policy in docs/iam/deployer-alerts.json": {"WriteAlertRules", "ManageGrafana"},
	} {
		r := rights{actions: map[string][]string{}}
		for _, sid := range sids {
			r.actions[sid] = []string{"x:Y"}
		}
		if got := r.policies(); got != want {
			t.Errorf("%v: %s, want %s", sids, got, want)
		}
	}
}

func TestABucketOfAnotherName(t *testing.T) {
	o := Env{StackName: "mine", Bucket: "ours"}
	if !slices.ContainsFunc(newEnv(o, nil).questions(), func(q question) bool { return q.resource == "arn:aws:s3:::ours" }) {
		t.Error("nobody asks for the bucket that is used")
	}
}

func TestPolicySourceOfThoseWhoHaveNone(t *testing.T) {
	for caller, says := range map[string]string{
		"arn:aws:iam::111122223333:root":             errRoot.Error(),
		"arn:aws:sts::111122223333:federated-user/f": "supports only users and roles",
		"somebody": "is not an ARN",
	} {
		if _, err := policySource(t.Context(), nil, caller); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", caller, err)
		}
	}
}

// TestWhyNot: what AWS adds to a refusal, which the local cloud has not.
func TestWhyNot(t *testing.T) {
	r := rights{actions: map[string][]string{}}
	refusal := func(e types.EvaluationResult) types.EvaluationResult {
		e.EvalActionName, e.EvalDecision = aws.String("ec2:CreateVpc"), types.PolicyEvaluationDecisionTypeImplicitDeny
		return e
	}
	r.add("BuildTheNetwork", refusal(types.EvaluationResult{OrganizationsDecisionDetail: &types.OrganizationsDecisionDetail{}}))
	r.add("BuildTheNetwork", refusal(types.EvaluationResult{PermissionsBoundaryDecisionDetail: &types.PermissionsBoundaryDecisionDetail{}}))
	r.add("BuildTheNetwork", refusal(
		types.EvaluationResult{ResourceSpecificResults: []types.ResourceSpecificResult{
			{MissingContextValues: []string{"aws:MultiFactorAuthPresent"}},
		}}))
	const want = "missing permissions: ec2:CreateVpc (BuildTheNetwork); granted by the policy in docs/iam/deployer-policy.json; " +
		"a policy of the " +
		"organization denies some of these permissions; " +
		"the permissions boundary denies some of these permissions; a policy depends on aws:MultiFactorAuthPresent, whose value is " +
		"unknown before the " +
		"deployment"
	if got := r.describe(PolicyStack, "parascope-x"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
