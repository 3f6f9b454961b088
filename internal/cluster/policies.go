package cluster

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// addPolicies adds managed policies behind those that a place has.
func (p *patch) addPolicies(at place, v *value, arns []string, stackName string) error {
	iam := document.Get(at.node, "Iam")
	missing, err := p.missing(at, v, arns, stackName)
	if err != nil || len(missing) == 0 {
		return err
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

// missing are the policies that a place does not have, as the configuration is to name them. Those that it
// has in another form get this one.
func (p *patch) missing(at place, v *value, policies []string, stackName string) (missing []string, err error) {
	var gone []int
	for _, policy := range policies {
		form, note, err := p.own(policy, stackName)
		if err != nil {
			return nil, err
		}
		changes := len(p.Changes)
		has, double, err := p.reform(at, v, form, stackName)
		if err != nil {
			return nil, err
		}
		gone = append(gone, double...)
		if !has {
			missing = append(missing, form)
		} else if len(p.Changes) == changes {
			continue
		}
		if note != "" && !slices.Contains(p.Notes, note) {
			p.Notes = append(p.Notes, note)
		}
	}
	if len(gone) == 0 {
		return missing, nil
	}
	slices.Sort(gone)
	v.get("Iam", "AdditionalIamPolicies").without(gone)
	l := document.Get(at.node, "Iam", "AdditionalIamPolicies")
	if !p.once(l, "delete") {
		return missing, nil
	}
	err = p.delete(l, func(_, item *yaml.Node) bool { return slices.Contains(gone, slices.Index(l.Content, item)) })
	return missing, p.unread(l.Line, err)
}

// reform looks for a policy among those of a place. What attach wrote in another form is replaced: an ARN by
// a reference, a reference by an ARN, the ARN of a policy that the stack has replaced by that of the new one.
// Double are the items that say the same once more.
func (p *patch) reform(at place, v *value, form, stackName string) (has bool, double []int, err error) {
	l := document.Get(at.node, "Iam", "AdditionalIamPolicies")
	if l == nil || l.Kind != yaml.SequenceNode {
		return false, nil, nil
	}
	id, _ := idOf(form, stackName)
	_, asReference := referenced(form)
	for i, item := range l.Content {
		n := document.Get(item, "Policy")
		if n == nil {
			continue
		}
		policy := readPolicy(n)
		other, isReference := idOf(policy, stackName)
		switch {
		case policy == form:
			has = true
		case id == "" || other != id:
		case isReference && p.isTemplate() && p.creates(id): // somebody's template, which is not the stack's
			has = true
		case item.Kind == yaml.MappingNode && (isReference && !p.isTemplate() || p.added(l, item, policy)):
			double = append(double, i)
		case asReference:
			has = true
			p.ByHand = append(p.ByHand, fmt.Sprintf("%s names %s by its ARN, which a deployment may replace: write %s", at.path, id, form))
		case isReference && p.isTemplate():
			has = true
			p.ByHand = append(p.ByHand, fmt.Sprintf("%s refers to %s, which the template does not create: restore the resource, or write %s",
				at.path, id, form))
		}
	}
	for n, i := range double {
		item := l.Content[i]
		p.Changes = append(p.Changes, Change{Path: at.path + "/Iam/AdditionalIamPolicies",
			What:   "replace the policy " + words.Printable(readPolicy(document.Get(item, "Policy"))) + " by " + form,
			Policy: policyOfPolicies(at.kind), Line: item.Line, kind: at.kind})
		if n == 0 && !has {
			v.get("Iam", "AdditionalIamPolicies").items[i].keys["Policy"] = policyValue(form)
			err = p.unread(item.Line, p.replacePolicy(l, item, form))
		}
	}
	if !has && len(double) > 0 {
		return true, double[1:], err
	}
	return has, double, err
}

// added reports whether attach wrote an item of a list of policies: it has the mark or, in lines of a file
// without marks, is a policy for nodes of a stack whose script the configuration has.
func (p *patch) added(l, item *yaml.Node, policy string) bool {
	switch {
	case document.IsFlow(l):
		_, n := document.Entry(item, "Policy")
		return p.MarksFlow(n)
	case p.Marked:
		return p.Marks(item.Line) || p.Mentions(item.Line) && p.ours(policy, p.stacks)
	}
	return p.ours(policy, p.stacks)
}

// replacePolicy writes a policy in the place of an item's.
func (p *patch) replacePolicy(l, item *yaml.Node, policy string) error {
	_, n := document.Entry(item, "Policy")
	if !p.once(n, "replace") {
		return nil
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return document.ErrUnread
	}
	end, err := p.End(n)
	if document.IsFlow(l) || document.IsFlow(item) {
		policy = inFlow(policy)
	}
	p.edits = append(p.edits, document.Edit{From: p.Offset(n), To: end, Text: policy})
	return err
}

func (p *patch) placePolicies(at, iam, policies *yaml.Node, missing []string) error {
	var block, inline []string
	for _, policy := range missing {
		block = append(block, "  - Policy: "+policy)
		inline = append(inline, `{"Policy`+document.FlowMarker+inFlow(policy)+"}")
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
