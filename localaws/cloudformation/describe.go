package cloudformation

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/parascope/parascope/localaws/cloudformation/stack"
	"github.com/parascope/parascope/localaws/gateway"
)

func (c *CloudFormation) describeStacks(w http.ResponseWriter, r *gateway.Request) error {
	var found []*stack.Stack
	if name := r.Form.Get("StackName"); name != "" {
		s, err := c.engine.Find(r.Region, name)
		if err != nil {
			return err
		}
		if s == nil {
			return noSuchStack(name)
		}
		found = []*stack.Stack{s}
	} else {
		all, err := c.engine.List(r.Region)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(all, (*stack.Stack).Gone)
	}
	from, err := page(r, len(found))
	if err != nil {
		return err
	}
	var view struct {
		Stacks    list[stackView]
		NextToken string `xml:",omitempty"`
	}
	end := min(from+pageSize, len(found))
	for _, s := range found[from:end] {
		view.Stacks.Member = append(view.Stacks.Member, viewStack(s))
	}
	view.NextToken = nextPage(end, len(found))
	return gateway.WriteQuery(w, r, view)
}

func (c *CloudFormation) listStacks(w http.ResponseWriter, r *gateway.Request) error {
	all, err := c.engine.List(r.Region)
	if err != nil {
		return err
	}
	if filter := members(r.Form, "StackStatusFilter"); len(filter) > 0 {
		all = slices.DeleteFunc(all, func(s *stack.Stack) bool { return !slices.Contains(filter, s.Status) })
	}
	from, err := page(r, len(all))
	if err != nil {
		return err
	}
	var view struct {
		StackSummaries list[summaryView]
		NextToken      string `xml:",omitempty"`
	}
	end := min(from+pageSize, len(all))
	for _, s := range all[from:end] {
		full := viewStack(s)
		view.StackSummaries.Member = append(view.StackSummaries.Member, summaryView{
			StackId: s.ID, StackName: s.Name, TemplateDescription: full.Description, CreationTime: full.CreationTime,
			LastUpdatedTime: full.LastUpdatedTime,
			DeletionTime:    full.DeletionTime, StackStatus: s.Status, StackStatusReason: s.StatusReason, DriftInformation: full.DriftInformation,
		})
	}
	view.NextToken = nextPage(end, len(all))
	return gateway.WriteQuery(w, r, view)
}

// anyStack finds the stack that the request names, a deleted one by its id only.
func (c *CloudFormation) anyStack(r *gateway.Request, missing func(string) error) (*stack.Stack, error) {
	name := r.Form.Get("StackName")
	if name == "" {
		return nil, checkName("stackName", name)
	}
	s, err := c.engine.Find(r.Region, name)
	if err == nil && s == nil {
		return nil, missing(name)
	}
	return s, err
}

func (c *CloudFormation) describeStackEvents(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.anyStack(r, func(name string) error { return invalid("Stack [%s] does not exist", name) })
	if err != nil {
		return err
	}
	events, err := c.engine.History(s)
	if err != nil {
		return err
	}
	// The token counts from the oldest event: new ones do not move it.
	from := 0
	if token := r.Form.Get("NextToken"); token != "" {
		left, err := strconv.Atoi(token)
		if err != nil || left < 0 || left > len(events) {
			return invalid("The provided next token is invalid")
		}
		from = len(events) - left
	}
	var view struct {
		StackEvents list[eventView]
		NextToken   string `xml:",omitempty"`
	}
	end := min(from+pageSize, len(events))
	for _, event := range events[from:end] {
		view.StackEvents.Member = append(view.StackEvents.Member, viewEvent(event))
	}
	if end < len(events) {
		view.NextToken = strconv.Itoa(len(events) - end)
	}
	return gateway.WriteQuery(w, r, view)
}

func (c *CloudFormation) describeStackResource(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.anyStack(r, func(name string) error { return invalid("Stack '%s' does not exist", name) })
	if err != nil {
		return err
	}
	res := s.Resources[r.Form.Get("LogicalResourceId")]
	if res == nil {
		return invalid("Resource %s does not exist for stack %s", r.Form.Get("LogicalResourceId"), s.Name)
	}
	v := viewResource(res)
	v.StackName, v.StackId, v.LastUpdatedTimestamp = s.Name, s.ID, stamp(res.At)
	if res.Metadata != nil {
		metadata, err := json.Marshal(res.Metadata)
		if err != nil {
			return err
		}
		v.Metadata = string(metadata)
	}
	return gateway.WriteQuery(w, r, struct{ StackResourceDetail resourceView }{v})
}

func (c *CloudFormation) describeStackResources(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.ofResources(r)
	if err != nil {
		return err
	}
	var view struct{ StackResources list[resourceView] }
	logical := r.Form.Get("LogicalResourceId")
	for _, id := range slices.Sorted(maps.Keys(s.Resources)) {
		if logical != "" && id != logical {
			continue
		}
		v := viewResource(s.Resources[id])
		v.StackName, v.StackId, v.Timestamp = s.Name, s.ID, stamp(s.Resources[id].At)
		view.StackResources.Member = append(view.StackResources.Member, v)
	}
	return gateway.WriteQuery(w, r, view)
}

// ofResources finds the stack by its name or by a physical id of one of its resources.
func (c *CloudFormation) ofResources(r *gateway.Request) (*stack.Stack, error) {
	physical := r.Form.Get("PhysicalResourceId")
	if r.Form.Get("StackName") != "" || physical == "" {
		return c.anyStack(r, noSuchStack)
	}
	all, err := c.engine.List(r.Region)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		for _, res := range s.Resources {
			if res.PhysicalID == physical && !s.Gone() {
				return s, nil
			}
		}
	}
	return nil, invalid("Stack for %s does not exist", physical)
}

func (c *CloudFormation) listStackResources(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.anyStack(r, noSuchStack)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(s.Resources))
	from, err := page(r, len(ids))
	if err != nil {
		return err
	}
	var view struct {
		StackResourceSummaries list[resourceView]
		NextToken              string `xml:",omitempty"`
	}
	end := min(from+pageSize, len(ids))
	for _, id := range ids[from:end] {
		v := viewResource(s.Resources[id])
		v.LastUpdatedTimestamp = stamp(s.Resources[id].At)
		view.StackResourceSummaries.Member = append(view.StackResourceSummaries.Member, v)
	}
	view.NextToken = nextPage(end, len(ids))
	return gateway.WriteQuery(w, r, view)
}
