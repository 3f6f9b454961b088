package cloudformation

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/stack"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/gateway"
)

// list is a list of the query protocol; an empty one is an empty element.
type list[T any] struct {
	Member []T `xml:"member"`
}

func listOf(texts []string) list[string] { return list[string]{texts} }

// stamp is a time as the API prints it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

type parameterView struct{ ParameterKey, ParameterValue string }

type tagView struct{ Key, Value string }

type outputView struct {
	OutputKey, OutputValue string
	Description            string `xml:",omitempty"`
}

type driftView struct{ StackDriftStatus string }

// stackView is a stack as DescribeStacks prints it.
type stackView struct {
	StackId, StackName          string
	ChangeSetId                 string `xml:",omitempty"`
	Description                 string `xml:",omitempty"`
	Parameters                  *list[parameterView]
	CreationTime                string
	DeletionTime                string `xml:",omitempty"`
	LastUpdatedTime             string `xml:",omitempty"`
	RollbackConfiguration       struct{}
	StackStatus                 string
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	NotificationARNs            list[string]
	TimeoutInMinutes            int `xml:",omitempty"`
	Capabilities                *list[string]
	Outputs                     *list[outputView]
	RoleARN                     string `xml:",omitempty"`
	Tags                        list[tagView]
	EnableTerminationProtection bool
	DriftInformation            driftView
}

// definition is what a stack is, or is becoming.
func definition(s *stack.Stack) stack.Definition {
	if s.Operation != nil && s.Operation.Kind != stack.Delete && s.Operation.Phase == stack.Forward {
		return s.Operation.Target
	}
	return s.Definition
}

func viewStack(s *stack.Stack) stackView {
	d := definition(s)
	v := stackView{
		StackId: s.ID, StackName: s.Name, ChangeSetId: s.ChangeSetID, CreationTime: stamp(s.Created), DeletionTime: stamp(s.Deleted),
		LastUpdatedTime: stamp(s.Updated),
		StackStatus:     s.Status, StackStatusReason: s.StatusReason, DisableRollback: s.DisableRollback, TimeoutInMinutes: s.TimeoutMinutes,
		RoleARN: d.RoleARN,
		Tags:    tagViews(d.Tags), EnableTerminationProtection: s.TerminationProtection, DriftInformation: driftView{"NOT_CHECKED"},
	}
	if t, err := template.Parse(d.Body); err == nil { // a stack in review has no template yet
		v.Description = t.Description
	}
	if p := parameterViews(d); len(p.Member) > 0 {
		v.Parameters = &p
	}
	if len(d.Capabilities) > 0 {
		v.Capabilities = &list[string]{d.Capabilities}
	}
	if len(s.Outputs) > 0 {
		v.Outputs = &list[outputView]{}
		for _, o := range s.Outputs {
			v.Outputs.Member = append(v.Outputs.Member, outputView{o.Name, o.Value, o.Description})
		}
	}
	return v
}

// parameterViews hide what the template says must not be echoed.
func parameterViews(d stack.Definition) list[parameterView] {
	var out list[parameterView]
	t, err := template.Parse(d.Body)
	if err != nil {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(d.Parameters)) {
		value := d.Parameters[name]
		if t.Parameters[name].NoEcho {
			value = "****"
		}
		out.Member = append(out.Member, parameterView{name, value})
	}
	return out
}

func tagViews(tags map[string]string) list[tagView] {
	var out list[tagView]
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Member = append(out.Member, tagView{key, tags[key]})
	}
	return out
}

type summaryView struct {
	StackId, StackName  string
	TemplateDescription string `xml:",omitempty"`
	CreationTime        string
	LastUpdatedTime     string `xml:",omitempty"`
	DeletionTime        string `xml:",omitempty"`
	StackStatus         string
	StackStatusReason   string `xml:",omitempty"`
	DriftInformation    driftView
}

type eventView struct {
	StackId, EventId, StackName string
	LogicalResourceId           string
	PhysicalResourceId          string
	ResourceType                string
	Timestamp                   string
	ResourceStatus              string
	ResourceStatusReason        string `xml:",omitempty"`
	ResourceProperties          string `xml:",omitempty"`
	ClientRequestToken          string `xml:",omitempty"`
}

func viewEvent(e stack.Event) eventView {
	v := eventView{
		StackId: e.StackID, EventId: e.ID, StackName: e.StackName, LogicalResourceId: e.LogicalID, PhysicalResourceId: e.PhysicalID,
		ResourceType: e.Type,
		Timestamp:    stamp(e.At), ResourceStatus: e.Status, ResourceStatusReason: e.Reason, ClientRequestToken: e.Token,
	}
	if e.Type != stack.Type {
		v.ResourceProperties = e.Properties
	}
	return v
}

// resourceView is a resource; the operations print its time under different names.
type resourceView struct {
	StackName, StackId   string `xml:",omitempty"`
	LogicalResourceId    string
	PhysicalResourceId   string `xml:",omitempty"`
	ResourceType         string
	Timestamp            string `xml:",omitempty"`
	LastUpdatedTimestamp string `xml:",omitempty"`
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
	Metadata             string `xml:",omitempty"`
	DriftInformation     struct{ StackResourceDriftStatus string }
}

func viewResource(r *stack.Resource) resourceView {
	v := resourceView{LogicalResourceId: r.LogicalID, PhysicalResourceId: r.PhysicalID, ResourceType: r.Type, ResourceStatus: r.Status,
		ResourceStatusReason: r.StatusReason}
	v.DriftInformation.StackResourceDriftStatus = "NOT_CHECKED"
	return v
}

type targetView struct {
	Attribute          string
	Name               string `xml:",omitempty"`
	RequiresRecreation string
}

type detailView struct {
	Target                   targetView
	Evaluation, ChangeSource string
}

type resourceChangeView struct {
	Action, LogicalResourceId string
	PhysicalResourceId        string `xml:",omitempty"`
	ResourceType              string
	Replacement               string `xml:",omitempty"`
	Scope                     list[string]
	Details                   list[detailView]
}

type changeView struct {
	Type           string
	ResourceChange resourceChangeView
}

type changeSetView struct {
	ChangeSetName, ChangeSetId, StackId, StackName string
	Description                                    string `xml:",omitempty"`
	Parameters                                     list[parameterView]
	CreationTime, ExecutionStatus, Status          string
	StatusReason                                   string `xml:",omitempty"`
	NotificationARNs                               list[string]
	RollbackConfiguration                          struct{}
	Capabilities                                   list[string]
	Tags                                           list[tagView]
	Changes                                        list[changeView]
	NextToken                                      string `xml:",omitempty"`
	IncludeNestedStacks                            bool
	OnStackFailure                                 string `xml:",omitempty"`
}

type changeSetSummary struct {
	StackId, StackName, ChangeSetId, ChangeSetName, ExecutionStatus, Status string
	StatusReason                                                            string `xml:",omitempty"`
	CreationTime                                                            string
	Description                                                             string `xml:",omitempty"`
}

// pageSize is how many members an answer has at most.
const pageSize = 100

// page is where the request's page begins in a list of n.
func page(r *gateway.Request, n int) (int, error) {
	token := r.Form.Get("NextToken")
	if token == "" {
		return 0, nil
	}
	at, err := strconv.Atoi(token)
	if err != nil || at < 0 {
		return 0, invalid("The provided next token is invalid")
	}
	return min(at, n), nil
}

func nextPage(end, n int) string {
	if end >= n {
		return ""
	}
	return strconv.Itoa(end)
}
