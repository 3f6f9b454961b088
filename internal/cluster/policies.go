package cluster

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// addPolicies adds managed policies behind those that a place has.
func (p *patch) addPolicies(at place, v *value, arns []string, stackName string) error {
	iam := document.Get(at.node, "Iam")
	for _, own := range []string{"InstanceRole", "InstanceProfile"} {
		if n := document.Get(iam, own); n != nil && len(arns) > 0 {
			p.ByHand = append(p.ByHand, fmt.Sprintf("%s has its own %s: attach %s to the role of %s", at.path, own,
				strings.ReplaceAll(strings.Join(arns, " and "), Reference(""), "the stack's policy "), words.Printable(n.Value)))
			return nil
		}
	}
	has := map[string]bool{}
	if l := v.get("Iam", "AdditionalIamPolicies"); l != nil {
		for _, item := range l.items {
			a := item.get("Policy")
			if a == nil {
				continue
			}
			has[a.text] = true
			for _, arn := range arns {
				has[arn] = has[arn] || refersTo(a, arn, stackName)
			}
		}
	}
	var missing []string
	for _, arn := range arns {
		if !has[arn] {
			missing = append(missing, p.own(arn, stackName))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	policies := document.Get(iam, "AdditionalIamPolicies")
	path, line := at.path+"/Iam", at.node.Line
	if iam != nil {
		line = iam.Line
		if err := mustBe(p.name, path, iam, yaml.MappingNode); err != nil {
			return err
		}
	}
	if policies != nil {
		line = policies.Line
		if err := mustBe(p.name, path+"/AdditionalIamPolicies", policies, yaml.SequenceNode); err != nil {
			return err
		}
	}
	if err := p.placePolicies(at.node, iam, policies, missing); err != nil {
		return p.unread(line, err)
	}
	for _, policy := range missing {
		v.ensure("Iam").append("AdditionalIamPolicies", mapping("Policy", policyValue(policy)))
		p.Changes = append(p.Changes, Change{
			Path: path + "/AdditionalIamPolicies", What: "add the policy " + policy, Policy: policyOfPolicies(at.kind), Line: line, kind: at.kind,
		})
	}
	return nil
}

func (p *patch) placePolicies(at, iam, policies *yaml.Node, missing []string) error {
	var block, inline []string
	for _, policy := range missing {
		block = append(block, "  - Policy: "+policy)
		inline = append(inline, inFlow(policy))
	}
	block = append([]string{"AdditionalIamPolicies:"}, block...)
	all := fmt.Sprintf(`"AdditionalIamPolicies": [%s]`, strings.Join(inline, ", "))
	switch {
	case policies != nil && document.IsFlow(policies):
		return p.add(policies, nil, strings.Join(inline, ", "))
	case policies != nil:
		for i, policy := range missing {
			if err := p.add(policies, []string{"- Policy: " + policy}, inline[i]); err != nil {
				return err
			}
		}
		return nil
	case iam != nil:
		return p.add(iam, block, all)
	default:
		return p.add(at, under("Iam", block), fmt.Sprintf(`"Iam": {%s}`, all))
	}
}
