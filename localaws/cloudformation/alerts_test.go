package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/sns"

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
		if !strings.Contains(string(r.RuleGroupsNamespace.Data), rules) || !strings.Contains(string(d.AlertManagerDefinition.Data),
			definition) {
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

const notifying = `Resources:
  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: one, Tags: [{Key: k, Value: v}]}}
  P:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref T]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: aps.amazonaws.com}, Action: sns:Publish, Resource: !Ref T}]
  S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: email, Endpoint: alice@example.com}}
Outputs:
  Topic: {Value: !Ref T}
  Name: {Value: !GetAtt T.TopicName}
  Subscription: {Value: !Ref S}
`

// TestNotificationsOfAStack makes a topic with its policy and a subscription, which waits for
// its confirmation and holds nothing up.
func TestNotificationsOfAStack(t *testing.T) {
	c := start(t, parts{})
	stack := c.create(t, notifying, nil)
	s := c.want(t, stack, "CREATE_COMPLETE")
	topic := output(s, "Topic")
	if want := "arn:aws:sns:us-east-2:111122223333:" + output(s, "Name"); topic != want || !strings.HasPrefix(output(s, "Name"), "s-T-") {
		t.Errorf("the topic is %s", topic)
	}
	if !strings.HasPrefix(output(s, "Subscription"), topic+":") {
		t.Errorf("the subscription is %s", output(s, "Subscription"))
	}
	client := sns.NewFromConfig(c.Config("us-east-2"))
	attributes := func() map[string]string {
		t.Helper()
		out, err := client.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &topic})
		check.OK(t, err)
		return out.Attributes
	}
	if a := attributes(); a["DisplayName"] != "one" || a["SubscriptionsPending"] != "1" || !strings.Contains(a["Policy"],
		"aps.amazonaws.com") {
		t.Errorf("attributes: %v", a)
	}
	check.OK(t, c.update(t, strings.NewReplacer("DisplayName: one", "DisplayName: two", "alice", "bob", "aps.",
		"cloudwatch.").Replace(notifying)))
	c.want(t, stack, "UPDATE_COMPLETE")
	if a := attributes(); a["DisplayName"] != "two" || a["SubscriptionsPending"] != "1" || !strings.Contains(a["Policy"], "cloudwatch.") {
		t.Errorf("attributes: %v", a)
	}
	check.OK(t, c.update(t, "Resources: {W: {Type: AWS::CloudFormation::WaitConditionHandle}}"))
	c.want(t, stack, "UPDATE_COMPLETE")
	if _, err := client.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &topic}); err == nil {
		t.Error("the topic is still there")
	}
}
