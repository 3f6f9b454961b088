package connector_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestRulesFollowTheGroups: the function's role suffices to create, change and delete.
func TestRulesFollowTheGroups(t *testing.T) {
	s := start(t, plan{})
	want := func(r result.Connection, action namespace.Action, besides map[string]namespace.Action) {
		t.Helper()
		got := map[string]namespace.Action{}
		for _, o := range r.Rules {
			got[o.Name] = o.Action
		}
		for _, g := range rules.Groups() {
			wanted := action
			if other, ok := besides[g.Name]; ok {
				wanted = other
			}
			if got[g.Name] != wanted {
				t.Errorf("%s: %q, want %s", g.Name, got[g.Name], wanted)
			}
		}
		if len(r.Warnings) > 0 {
			t.Errorf("warned %q", r.Warnings)
		}
	}
	want(s.connect(t), namespace.Created, nil)
	want(s.connect(t), namespace.Unchanged, nil)

	client, id := amp.NewFromConfig(s.operator), &s.target.PrometheusWorkspaceID
	old := []byte("groups: [{name: old, rules: [{record: r, expr: '1'}]}]\n")
	_, err := client.PutRuleGroupsNamespace(t.Context(), &amp.PutRuleGroupsNamespaceInput{WorkspaceId: id, Name: aws.String("parascope-gpu"),
		Data: old})
	check.OK(t, err)
	_, err = client.CreateRuleGroupsNamespace(t.Context(),
		&amp.CreateRuleGroupsNamespaceInput{WorkspaceId: id, Name: aws.String("parascope-old"),
			Data: old, Tags: map[string]string{"parascope": "rules"}})
	check.OK(t, err)
	third := s.connect(t)
	want(third, namespace.Unchanged, map[string]namespace.Action{"parascope-gpu": namespace.Updated})
	if last := third.Rules[len(third.Rules)-1]; last.Name != "parascope-old" || last.Action != namespace.Deleted {
		t.Errorf("last %+v", last)
	}
}

// TestRulesThatAreNotTaken are a warning that names them: Grafana is connected all the same.
func TestRulesThatAreNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		says   string
		before func(*testing.T, *site)
	}{
		"a site's namespace of our name": {"rule groups namespace parascope-node: parascope did not create the existing namespace",
			func(t *testing.T, s *site) {
				_, err := amp.NewFromConfig(s.operator).CreateRuleGroupsNamespace(t.Context(), &amp.CreateRuleGroupsNamespaceInput{
					WorkspaceId: &s.target.PrometheusWorkspaceID, Name: aws.String("parascope-node"),
					Data: []byte("groups: [{name: theirs, rules: [{record: r, expr: '1'}]}]\n")})
				check.OK(t, err)
			}},
		"a role that may not": {"is not authorized to perform: aps:ListRuleGroupsNamespaces", func(t *testing.T, s *site) {
			s.policies["without"] = strings.ReplaceAll(s.policies["SetupFunctionRole"], "aps:ListRuleGroupsNamespaces", "aps:ListRules")
			s.withPolicy(t, "function", "without")
			_, err := iam.NewFromConfig(s.operator).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("function"),
				PolicyName: aws.String("SetupFunctionRole")})
			check.OK(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, plan{})
			c.before(t, s)
			r := s.connect(t)
			if len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "some alert rules could not be updated to this version: ") ||
				!strings.Contains(r.Warnings[0], c.says) || !r.DataSources[0].Default {
				t.Errorf("warned %q, connected %+v", r.Warnings, r.DataSources)
			}
		})
	}
}
