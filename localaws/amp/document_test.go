package amp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const (
	goodRules = "groups: [{name: g, rules: [{record: a, expr: up}, {alert: Down, expr: up == 0, for: 1m}]}]"
	goodAlert = `alertmanager_config: |
  route: {receiver: team}
  receivers:
    - name: team
      sns_configs: [{topic_arn: "arn:aws:sns:us-east-2:111122223333:t", sigv4: {region: us-east-2}}]
`
)

func putRules(t *testing.T, client *sdk.Client, id, name, data string) (types.RuleGroupsNamespaceStatusCode, error) {
	out, err := client.PutRuleGroupsNamespace(t.Context(), &sdk.PutRuleGroupsNamespaceInput{WorkspaceId: &id, Name: &name,
		Data: []byte(data)})
	if err != nil {
		return "", err
	}
	return out.Status.StatusCode, nil
}

func createRules(t *testing.T, client *sdk.Client, id, name, data string) error {
	_, err := client.CreateRuleGroupsNamespace(t.Context(),
		&sdk.CreateRuleGroupsNamespaceInput{WorkspaceId: &id, Name: &name, Data: []byte(data), Tags: map[string]string{"k": "v"}})
	return err
}

func rulesOf(t *testing.T, client *sdk.Client, id, name string) *types.RuleGroupsNamespaceDescription {
	t.Helper()
	out, err := client.DescribeRuleGroupsNamespace(t.Context(), &sdk.DescribeRuleGroupsNamespaceInput{WorkspaceId: &id, Name: &name})
	check.OK(t, err)
	return out.RuleGroupsNamespace
}

func TestLifeOfARuleGroupsNamespace(t *testing.T) {
	const delay = 30 * time.Second
	c := start(t, t.TempDir(), delay)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	c.Clock.Pass(delay)

	check.OK(t, createRules(t, client, id, "rules", goodRules))
	if s := rulesOf(t, client, id, "rules"); s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeCreating ||
		*s.Arn != "arn:aws:aps:us-east-2:111122223333:rulegroupsnamespace/"+id+"/rules" || s.Tags["k"] != "v" {
		t.Errorf("at first: %+v %+v", s, s.Status)
	}
	if _, err := putRules(t, client, id, "rules", goodRules); !isError(err, "ConflictException", "CREATING") {
		t.Errorf("put while it is created: %v", err)
	}
	if err := createRules(t, client, id, "rules", goodRules); !isError(err, "ConflictException", "exists") {
		t.Errorf("created twice: %v", err)
	}
	c.Clock.Pass(delay)
	if s := rulesOf(t, client, id, "rules"); s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeActive || string(s.Data) != goodRules {
		t.Errorf("when it is settled: %s %s", s.Status.StatusCode, s.Data)
	}
	bad := strings.Replace(goodRules, "up == 0", "up ==", 1)
	if s, err := putRules(t, client, id, "rules", bad); err != nil || s != types.RuleGroupsNamespaceStatusCodeUpdating {
		t.Errorf("put bad rules: %s, %v", s, err)
	}
	c.Clock.Pass(delay)
	if s := rulesOf(t, client, id, "rules"); s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeUpdateFailed ||
		!strings.Contains(*s.Status.StatusReason, "could not parse expression") || string(s.Data) != goodRules {
		t.Errorf("after bad rules: %s %s", s.Status.StatusCode, s.Data)
	}
	better := strings.Replace(goodRules, "up == 0", "up < 1", 1)
	_, err := putRules(t, client, id, "rules", better)
	check.OK(t, err)
	c.Clock.Pass(delay)
	if s := rulesOf(t, client, id, "rules"); s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeActive || string(s.Data) != better {
		t.Errorf("after better rules: %s %s", s.Status.StatusCode, s.Data)
	}
	_, err = client.DeleteRuleGroupsNamespace(t.Context(), &sdk.DeleteRuleGroupsNamespaceInput{WorkspaceId: &id, Name: aws.String("rules")})
	check.OK(t, err)
	if s := rulesOf(t, client, id, "rules"); s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeDeleting {
		t.Errorf("after its deletion: %s", s.Status.StatusCode)
	}
	c.Clock.Pass(delay)
	if _, err := putRules(t, client, id, "rules", goodRules); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("put when it is gone: %v", err)
	}
}

func TestRulesThatAMPRefuses(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	many := func(n int) string {
		return "groups: [{name: g, rules: [" + strings.Repeat("{record: a, expr: up}, ", n) + "]}]"
	}
	for name, data := range map[string]string{
		"no.yaml": "{", "a.list": "[]", "unknown.key": "groups: [{name: g, rule: []}]", "no.groups": "groups: []",
		"large": "groups: [{name: g, rules: []}] #" + strings.Repeat("x", 1_000_000),
	} {
		if err := createRules(t, client, id, name, data); !isError(err, "ValidationException", "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct{ data, says string }{
		"expression": {"groups: [{name: g, rules: [{record: a, expr: 'up ='}]}]", "could not parse expression"},
		"function":   {"groups: [{name: g, rules: [{record: a, expr: 'first_over_time(up[1m])'}]}]", "first_over_time"},
		"name":       {"groups: [{name: g, rules: [{record: a-b, expr: up}]}]", "invalid recording rule name"},
		"template":   {"groups: [{name: g, rules: [{alert: a, expr: up, annotations: {s: '{{ nonsense }}'}}]}]", "nonsense"},
		"twice":      {"groups: [{name: g, rules: []}, {name: g, rules: []}]", "repeated"},
		"interval":   {"groups: [{name: g, interval: 29s, rules: []}]", "30s"},
		"names":      {"groups: [{name: " + strings.Repeat("g", 717) + ", rules: []}]", "721"},
	} {
		check.OK(t, createRules(t, client, id, name, c.data))
		s := rulesOf(t, client, id, name)
		if s.Status.StatusCode != types.RuleGroupsNamespaceStatusCodeCreationFailed || !strings.Contains(*s.Status.StatusReason, c.says) {
			t.Errorf("%s: %s %s, want %s", name, s.Status.StatusCode, aws.ToString(s.Status.StatusReason), c.says)
		}
	}
	for _, name := range []string{"", "-x", "ü", strings.Repeat("x", 129)} {
		if err := createRules(t, client, id, name, goodRules); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	check.OK(t, createRules(t, client, id, "many", many(1990)))
	if err := createRules(t, client, id, "more", many(100)); !isError(err, "ServiceQuotaExceededException", "2000") {
		t.Errorf("2,090 rules: %v", err)
	}
	if _, err := putRules(t, client, id, "expression", many(1)); err != nil {
		t.Errorf("put after CREATION_FAILED: %v", err)
	}
}

func TestListRuleGroupsNamespaces(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	id, other := create(t, client, "w"), create(t, client, "o")
	for i := range 5 {
		check.OK(t, createRules(t, client, id, fmt.Sprintf("a%d", i), goodRules))
	}
	check.OK(t, createRules(t, client, id, "b", goodRules))
	check.OK(t, createRules(t, client, other, "a9", goodRules))
	var got []string
	pages := sdk.NewListRuleGroupsNamespacesPaginator(client,
		&sdk.ListRuleGroupsNamespacesInput{WorkspaceId: &id, Name: aws.String("a"), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check.OK(t, err)
		for _, n := range page.RuleGroupsNamespaces {
			got = append(got, *n.Name)
		}
	}
	if diff := cmp.Diff([]string{"a0", "a1", "a2", "a3", "a4"}, got); diff != "" {
		t.Error(diff)
	}
	arn := "arn:aws:aps:us-east-2:111122223333:rulegroupsnamespace/" + id + "/b"
	_, err := client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"x": "1"}})
	check.OK(t, err)
	_, err = client.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"k"}})
	check.OK(t, err)
	tags, err := client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: &arn})
	check.OK(t, err)
	if diff := cmp.Diff(map[string]string{"x": "1"}, tags.Tags); diff != "" {
		t.Error(diff)
	}
}

// TestWhatPermissionsOfRulesAreFor: AWS asks for the workspace, or for the namespace.
func TestWhatPermissionsOfRulesAreFor(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	check.OK(t, createRules(t, client, id, "rules", goodRules))
	asked := map[string]string{}
	c.ask = func(a gateway.Ask) { asked[a.Action] = a.Resource }
	_, err := putRules(t, client, id, "rules", goodRules)
	check.OK(t, err)
	rulesOf(t, client, id, "rules")
	_, err = client.ListRuleGroupsNamespaces(t.Context(), &sdk.ListRuleGroupsNamespacesInput{WorkspaceId: &id})
	check.OK(t, err)
	_, err = client.DeleteRuleGroupsNamespace(t.Context(), &sdk.DeleteRuleGroupsNamespaceInput{WorkspaceId: &id, Name: aws.String("rules")})
	check.OK(t, err)
	check.OK(t, createRules(t, client, id, "rules", goodRules))
	workspace := "arn:aws:aps:us-east-2:111122223333:workspace/" + id
	namespace := "arn:aws:aps:us-east-2:111122223333:rulegroupsnamespace/" + id + "/rules"
	if diff := cmp.Diff(map[string]string{
		"aps:CreateRuleGroupsNamespace": workspace, "aps:ListRuleGroupsNamespaces": workspace, "aps:PutRuleGroupsNamespace": namespace,
		"aps:DescribeRuleGroupsNamespace": namespace, "aps:DeleteRuleGroupsNamespace": namespace,
	}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestLifeOfAnAlertManagerDefinition(t *testing.T) {
	const delay = 30 * time.Second
	c := start(t, t.TempDir(), delay)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	c.Clock.Pass(delay)
	put := func(data string) error {
		_, err := client.PutAlertManagerDefinition(t.Context(), &sdk.PutAlertManagerDefinitionInput{WorkspaceId: &id, Data: []byte(data)})
		return err
	}
	create := func(data string) error {
		_, err := client.CreateAlertManagerDefinition(t.Context(), &sdk.CreateAlertManagerDefinitionInput{WorkspaceId: &id, Data: []byte(data)})
		return err
	}
	now := func() (types.AlertManagerDefinitionStatusCode, string, string) {
		t.Helper()
		out, err := client.DescribeAlertManagerDefinition(t.Context(), &sdk.DescribeAlertManagerDefinitionInput{WorkspaceId: &id})
		check.OK(t, err)
		d := out.AlertManagerDefinition
		return d.Status.StatusCode, aws.ToString(d.Status.StatusReason), string(d.Data)
	}
	if err := put(goodAlert); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("put where there is none: %v", err)
	}
	check.OK(t, create(goodAlert))
	if s, _, _ := now(); s != types.AlertManagerDefinitionStatusCodeCreating {
		t.Errorf("at first: %s", s)
	}
	if err := create(goodAlert); !isError(err, "ConflictException", "exists") {
		t.Errorf("created twice: %v", err)
	}
	c.Clock.Pass(delay)
	check.OK(t, put(strings.Replace(goodAlert, "receiver: team", "receiver: nobody", 1)))
	if err := put(goodAlert); !isError(err, "ConflictException", "UPDATING") {
		t.Errorf("put while it is updated: %v", err)
	}
	c.Clock.Pass(delay)
	if s, why, data := now(); s != types.AlertManagerDefinitionStatusCodeUpdateFailed || !strings.Contains(why, "undefined receiver") ||
		data != goodAlert {
		t.Errorf("after a bad one: %s %q %s", s, why, data)
	}
	_, err := client.DeleteAlertManagerDefinition(t.Context(), &sdk.DeleteAlertManagerDefinitionInput{WorkspaceId: &id})
	check.OK(t, err)
	if s, _, _ := now(); s != types.AlertManagerDefinitionStatusCodeDeleting {
		t.Errorf("after its deletion: %s", s)
	}
	c.Clock.Pass(delay)
	_, err = client.DescribeAlertManagerDefinition(t.Context(), &sdk.DescribeAlertManagerDefinitionInput{WorkspaceId: &id})
	if !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("when it is gone: %v", err)
	}
	check.OK(t, create(goodAlert))
}

func TestDefinitionsThatAMPRefuses(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	set := func(data string) (types.AlertManagerDefinitionStatus, error) {
		id := create(t, client, "w")
		_, err := client.CreateAlertManagerDefinition(t.Context(), &sdk.CreateAlertManagerDefinitionInput{WorkspaceId: &id, Data: []byte(data)})
		if err != nil {
			return types.AlertManagerDefinitionStatus{}, err
		}
		out, err := client.DescribeAlertManagerDefinition(t.Context(), &sdk.DescribeAlertManagerDefinitionInput{WorkspaceId: &id})
		check.OK(t, err)
		_, err = client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &id}) // there may be 25
		check.OK(t, err)
		return *out.AlertManagerDefinition.Status, nil
	}
	for name, data := range map[string]string{
		"no YAML": "{", "the configuration itself": "route: {receiver: team}\nreceivers: [{name: team}]",
		"a map": "alertmanager_config: {route: {receiver: team}}", "nothing": "template_files: {a: b}",
	} {
		if _, err := set(data); !isError(err, "ValidationException", "Malformed Alertmanager definition") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := set(goodAlert + "#" + strings.Repeat("x", 1_000_000)); !isError(err, "ValidationException", "1000000") {
		t.Errorf("a large one: %v", err)
	}
	pager := `alertmanager_config: |
  route: {receiver: team}
  receivers:
    - name: team
      pagerduty_configs: [{routing_key: {aws_secrets_manager: {secret_arn: "arn:aws:secretsmanager:us-east-2:111122223333:secret:s", secret_key: k}}}]
`
	template := "template_files:\n  t: '{{ define \"x\" }}{{ .Status }}{{ end }}'\n" + strings.Replace(goodAlert, "  route:",
		"  templates: [t]\n  route:", 1)
	for name, data := range map[string]string{"SNS": goodAlert, "PagerDuty": pager, "a template": template} {
		if s, err := set(data); err != nil || s.StatusCode != types.AlertManagerDefinitionStatusCodeActive {
			t.Errorf("%s: %s %s, %v", name, s.StatusCode, aws.ToString(s.StatusReason), err)
		}
	}
	with := func(from, to string) string { return strings.Replace(goodAlert, from, to, 1) }
	for name, c := range map[string]struct{ data, says string }{
		"another receiver": {with("sns_configs: [{topic_arn: \"arn:aws:sns:us-east-2:111122223333:t\", sigv4: {region: us-east-2}}]",
			"webhook_configs: [{url: http://x}]"), "webhook_configs is not supported"},
		"no region":        {with("region: us-east-2", ""), "region is required"},
		"api_url":          {with("sigv4:", "api_url: http://x, sigv4:"), "api_url is not supported"},
		"http_config":      {with("sigv4:", "http_config: {}, sigv4:"), "http_config is not supported"},
		"no topic":         {with(":t\"", ":t.fifo\""), "standard topic"},
		"no route":         {with("route: {receiver: team}", "templates: []"), "no route"},
		"unknown key":      {with("route: {receiver: team}", "route: {receiver: team, x: y}"), "field x not found"},
		"unknown template": {with("  route:", "  templates: [x]\n  route:"), "not in template_files"},
		"a bad template":   {"template_files: {t: '{{ nonsense }}'}\n" + goodAlert, "nonsense"},
		"a key in clear": {strings.Replace(pager, "{aws_secrets_manager: {secret_arn: "+
			"\"arn:aws:secretsmanager:us-east-2:111122223333:secret:s\", secret_key: k}}", "abc", 1), "aws_secrets_manager"},
	} {
		s, err := set(c.data)
		if err != nil || s.StatusCode != types.AlertManagerDefinitionStatusCodeCreationFailed ||
			!strings.Contains(aws.ToString(s.StatusReason), c.says) {
			t.Errorf("%s: %s %s, %v, want %s", name, s.StatusCode, aws.ToString(s.StatusReason), err, c.says)
		}
	}
}
