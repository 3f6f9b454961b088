package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/amp"

	"github.com/parascope/parascope/localaws/localtest/check"
)

const alerting = `Resources:
  W:
    Type: AWS::APS::Workspace
    Properties:
      AlertManagerDefinition: |
        alertmanager_config: |
          route: {receiver: none}
          receivers: [{name: none}]
  R:
    Type: AWS::APS::RuleGroupsNamespace
    Properties: {Name: rules, Workspace: !GetAtt W.Arn, Data: "groups: [{name: g, rules: [{record: a, expr: up}]}]", Tags: [{Key: k, Value: v}]}
Outputs:
  Id: {Value: !GetAtt W.WorkspaceId}
  Rules: {Value: !Ref R}
`

// TestAlertingOfAStack makes, changes and removes rules and the alert manager definition.
func TestAlertingOfAStack(t *testing.T) {
	c := start(t, parts{})
	stack := c.create(t, alerting, nil)
	s := c.want(t, stack, "CREATE_COMPLETE")
	id, name := output(s, "Id"), "rules"
	if want := "arn:aws:aps:us-east-2:111122223333:rulegroupsnamespace/" + id + "/rules"; output(s, "Rules") != want {
		t.Errorf("Ref is %s, want %s", output(s, "Rules"), want)
	}
	prometheus := amp.NewFromConfig(c.Config("us-east-2"))
	inForce := func(rules, definition string) {
		t.Helper()
		r, err := prometheus.DescribeRuleGroupsNamespace(t.Context(), &amp.DescribeRuleGroupsNamespaceInput{WorkspaceId: &id, Name: &name})
		check.OK(t, err)
		d, err := prometheus.DescribeAlertManagerDefinition(t.Context(), &amp.DescribeAlertManagerDefinitionInput{WorkspaceId: &id})
		check.OK(t, err)
		if !strings.Contains(string(r.RuleGroupsNamespace.Data), rules) || !strings.Contains(string(d.AlertManagerDefinition.Data), definition) {
			t.Errorf("in force are %s and %s", r.RuleGroupsNamespace.Data, d.AlertManagerDefinition.Data)
		}
	}
	inForce("expr: up}", "receiver: none")
	check.OK(t, c.update(t, strings.NewReplacer("expr: up", "expr: down", "none", "other").Replace(alerting)))
	c.want(t, stack, "UPDATE_COMPLETE")
	inForce("expr: down}", "receiver: other")
	check.OK(t, c.update(t, strings.Replace(alerting, "expr: up", "expr: 'up ='", 1)))
	c.want(t, stack, "UPDATE_ROLLBACK_COMPLETE")
	c.happened(t, stack, "RuleGroupsNamespace is in state UPDATE_FAILED")
	inForce("expr: down}", "receiver: other")
	check.OK(t, c.update(t, strings.Replace(alerting, "receiver: none", "receiver: nobody", 1)))
	c.want(t, stack, "UPDATE_ROLLBACK_COMPLETE")
	c.happened(t, stack, "AlertManagerDefinition is in state UPDATE_FAILED")
	inForce("expr: down}", "receiver: other")
	check.OK(t, c.update(t, "Resources: {W: {Type: AWS::APS::Workspace}}"))
	c.want(t, stack, "UPDATE_COMPLETE")
	if _, err := prometheus.DescribeAlertManagerDefinition(t.Context(),
		&amp.DescribeAlertManagerDefinitionInput{WorkspaceId: &id}); err == nil {
		t.Error("the definition is still there")
	}
	if _, err := prometheus.DescribeRuleGroupsNamespace(t.Context(),
		&amp.DescribeRuleGroupsNamespaceInput{WorkspaceId: &id, Name: &name}); err == nil {
		t.Error("the rules are still there")
	}
}
