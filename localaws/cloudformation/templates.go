package cloudformation

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/deployment"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/gateway"
)

func (c *CloudFormation) getTemplate(w http.ResponseWriter, r *gateway.Request) error {
	body := ""
	if r.Form.Get("ChangeSetName") != "" {
		set, _, err := c.changeSet(r)
		if err != nil {
			return err
		}
		body = set.Definition.Body
	} else {
		s, err := c.anyStack(r, noSuchStack)
		if err != nil {
			return err
		}
		body = definition(s).Body
	}
	return gateway.WriteQuery(w, r, struct {
		TemplateBody    string
		StagesAvailable list[string]
	}{body, listOf([]string{"Original", "Processed"})})
}

type declaredParameter struct {
	ParameterKey         string
	DefaultValue         *string
	ParameterType        string `xml:",omitempty"`
	NoEcho               bool
	Description          string           `xml:",omitempty"`
	ParameterConstraints *constraintsView `xml:",omitempty"`
}

type constraintsView struct{ AllowedValues list[string] }

// declared are a template's parameters; full adds what only the summary tells.
func declared(t *template.Template, full bool) list[declaredParameter] {
	var out list[declaredParameter]
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		v := declaredParameter{ParameterKey: name, NoEcho: p.NoEcho, Description: p.Description}
		if p.HasDefault {
			v.DefaultValue = &p.Default
		}
		if full {
			v.ParameterType = p.Type
			v.ParameterConstraints = &constraintsView{listOf(p.AllowedValues)}
		}
		out.Member = append(out.Member, v)
	}
	return out
}

// needs are the capabilities of a template, and why.
func needs(t *template.Template) (capabilities list[string], reason string) {
	need, because := t.Capability()
	if need == "" {
		return capabilities, ""
	}
	return listOf([]string{need}), "The following resource(s) require capabilities: [" + strings.Join(because, ", ") + "]"
}

func (c *CloudFormation) validateTemplate(w http.ResponseWriter, r *gateway.Request) error {
	body, err := c.body(r, nil)
	if err != nil {
		return err
	}
	t, err := parse(body)
	if err != nil {
		return err
	}
	capabilities, reason := needs(t)
	return gateway.WriteQuery(w, r, struct {
		Parameters         list[declaredParameter]
		Description        string       `xml:",omitempty"`
		Capabilities       list[string] `xml:",omitempty"`
		CapabilitiesReason string       `xml:",omitempty"`
	}{declared(t, false), t.Description, capabilities, reason})
}

func (c *CloudFormation) getTemplateSummary(w http.ResponseWriter, r *gateway.Request) error {
	body, err := c.summaryBody(r)
	if err != nil {
		return err
	}
	t, err := parse(body)
	if err != nil {
		return err
	}
	metadata := ""
	if t.Metadata != nil {
		text, err := json.Marshal(t.Metadata)
		if err != nil {
			return err
		}
		metadata = string(text)
	}
	capabilities, reason := needs(t)
	return gateway.WriteQuery(w, r, struct {
		Parameters         list[declaredParameter]
		Description        string `xml:",omitempty"`
		Capabilities       list[string]
		CapabilitiesReason string `xml:",omitempty"`
		ResourceTypes      list[string]
		Version            string `xml:",omitempty"`
		Metadata           string `xml:",omitempty"`
		DeclaredTransforms list[string]
	}{declared(t, true), t.Description, capabilities, reason, listOf(t.Types()), t.Version, metadata, list[string]{}})
}

// summaryBody is the template of the request or of the stack that it names.
func (c *CloudFormation) summaryBody(r *gateway.Request) (string, error) {
	if r.Form.Get("StackName") == "" {
		return c.body(r, nil)
	}
	s, err := c.anyStack(r, noSuchStack)
	if err != nil {
		return "", err
	}
	return definition(s).Body, nil
}

// stackARN is what a permission must be for: the stack that the request names, as it
// is called or will be; the stack of the change set; all of them otherwise.
func (c *CloudFormation) stackARN(r *gateway.Request) []string {
	name := r.Form.Get("StackName")
	if strings.HasPrefix(name, "arn:") {
		return []string{name}
	}
	if set := r.Form.Get("ChangeSetName"); name == "" && strings.HasPrefix(set, "arn:") {
		sets, err := c.engine.ChangeSets("")
		at := slices.IndexFunc(sets, func(s *deployment.ChangeSet) bool { return s.ID == set })
		if err == nil && at >= 0 {
			return []string{sets[at].StackID}
		}
	}
	if name == "" {
		return []string{"*"}
	}
	if s, err := c.engine.Find(r.Region, name); err == nil && s != nil {
		return []string{s.ID}
	}
	return []string{"arn:aws:cloudformation:" + r.Region + ":" + r.Principal.Account + ":stack/" + name + "/*"}
}
