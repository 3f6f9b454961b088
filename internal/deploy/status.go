package deploy

import (
	"context"
	"errors"
	"sort"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// Status is what there is of a stack. What could not be asked is in Unknown, with
// the reason, and is neither good nor bad.
type Status struct {
	StackName   string                   `json:"stackName"`
	StackStatus string                   `json:"stackStatus"`
	Failure     *Failure                 `json:"failure,omitempty"`    // of the last operation on the stack
	Prometheus  string                   `json:"prometheus,omitempty"` // status of the workspace
	Grafana     string                   `json:"grafana,omitempty"`    // status and version
	GrafanaID   string                   `json:"grafanaId,omitempty"`
	GrafanaURL  string                   `json:"grafanaUrl,omitempty"`
	Function    *Deployed                `json:"setupFunction,omitempty"`
	DataSources []DataSource             `json:"dataSources"` // as the setup function found them last
	Rules       Rules                    `json:"alertRules"`
	AlertTo     []subscribe.Subscription `json:"alertTo"`
	Members     []people.Member          `json:"members"`
	Clusters    []Cluster                `json:"clusters"`
	Unknown     map[string]string        `json:"unknown,omitempty"`
}

// Cluster is one that sends metrics.
type Cluster struct {
	Name       string    `json:"name"` // label "cluster"; empty when it has none
	LastSample time.Time `json:"lastSample"`
	Targets    int       `json:"targets"`
	Down       int       `json:"down"`
}

// Look asks what there is. Only a stack that does not exist is an error; that one
// failed is in its Failure.
func Look(ctx context.Context, cfg aws.Config, t Target) (Status, error) {
	looked := stack.New(cfg, t.StackName)
	state, err := looked.Describe(ctx)
	if err != nil {
		return Status{}, err
	}
	if !state.Exists() {
		return Status{}, noStack(ctx, cfg, t, "", "'"+t.Command("up")+"' creates the stack; --stack, --region and --profile select another stack")
	}
	s := Status{StackName: t.StackName, StackStatus: string(state.Status),
		GrafanaID: state.Outputs["ManagedGrafanaWorkspaceId"], DataSources: []DataSource{}, Members: []people.Member{},
		Clusters: []Cluster{}, Unknown: map[string]string{}, Rules: Rules{Namespaces: []namespace.State{}}, AlertTo: []subscribe.Subscription{}}
	for _, part := range []struct {
		what string
		look func() error
	}{
		{"failure", func() (err error) { s.Failure, err = findFailure(ctx, looked, state, t); return err }},
		{"prometheus", func() error { return s.lookAtPrometheus(ctx, cfg, state.Outputs["AMPWorkspaceId"]) }},
		{"grafana", func() error { return s.lookAtGrafana(ctx, cfg, s.GrafanaID) }},
		{"setup function", func() error { return s.lookAtFunction(ctx, cfg, t) }},
		{"data sources", func() error { return s.lookAtDataSources(ctx, cfg, t, s.GrafanaID) }},
		{"alerts", func() error { return s.lookAtAlerts(ctx, cfg, placeOf(state.Outputs)) }},
		{"people", func() error { return s.lookAtPeople(ctx, cfg, s.GrafanaID) }},
		{"clusters", func() error { return s.lookAtClusters(ctx, cfg, state.Outputs["AMPPrometheusEndpoint"]) }},
	} {
		if err := part.look(); err != nil {
			s.Unknown[part.what] = err.Error()
		}
	}
	return s, ctx.Err()
}

func (s *Status) lookAtPrometheus(ctx context.Context, cfg aws.Config, id string) error {
	if id == "" {
		return nil
	}
	out, err := sdk.NewFromConfig(cfg).DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil {
		return err
	}
	s.Prometheus = string(out.Workspace.Status.StatusCode)
	return nil
}

func (s *Status) lookAtGrafana(ctx context.Context, cfg aws.Config, id string) error {
	if id == "" {
		return nil
	}
	out, err := amg.NewFromConfig(cfg).DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil {
		return err
	}
	s.Grafana = string(out.Workspace.Status) + ", version " + aws.ToString(out.Workspace.GrafanaVersion)
	s.GrafanaURL = grafana.BaseURL(aws.ToString(out.Workspace.Endpoint))
	return nil
}

func (s *Status) lookAtFunction(ctx context.Context, cfg aws.Config, t Target) error {
	if s.GrafanaID == "" {
		return nil
	}
	d, err := CompareFunction(ctx, cfg, t)
	if d.CodeSha256 != "" {
		s.Function = &d
	}
	return err
}

func (s *Status) lookAtPeople(ctx context.Context, cfg aws.Config, id string) error {
	if id == "" {
		return nil
	}
	team, err := people.Open(ctx, cfg, id)
	if err != nil {
		return err
	}
	s.Members, err = team.Members(ctx)
	return err
}

// lookAtClusters asks who sent what within the last hour, and when last.
func (s *Status) lookAtClusters(ctx context.Context, cfg aws.Config, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	client, err := amp.NewQueryClient(cfg, endpoint)
	if err != nil {
		return err
	}
	numbers := func(expr string) (map[string]float64, error) {
		r, err := client.Query(ctx, expr, time.Time{})
		if err != nil {
			return nil, err
		}
		return r.ByLabel("cluster")
	}
	last, err1 := numbers(`max by (cluster) (timestamp(up)) or max by (cluster) (max_over_time(timestamp(up)[1h:1m]))`)
	targets, err2 := numbers(`count by (cluster) (up)`)
	down, err3 := numbers(`count by (cluster) (up == 0)`)
	for name, at := range last {
		s.Clusters = append(s.Clusters, Cluster{Name: name, LastSample: time.Unix(int64(at), 0), Targets: int(targets[name]),
			Down: int(down[name])})
	}
	// slices.SortFunc adds 14 kB for this type.
	sort.Slice(s.Clusters, func(i, j int) bool { return s.Clusters[i].Name < s.Clusters[j].Name })
	return errors.Join(err1, err2, err3)
}

// String is a cluster in words.
func (c Cluster) String() string {
	name := c.Name
	if name == "" {
		name = "(no cluster label)"
	}
	return name + ": " + strconv.Itoa(c.Targets-c.Down) + " of " + strconv.Itoa(c.Targets) + " targets up"
}
