// Package report says what a stack's monitoring has cost since the month began, from what AWS
// has counted, and what the month will come to.
package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/prometheus/common/model"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// Report is what a stack has cost since the month began. What could not be asked is in Unknown,
// with the reason.
type Report struct {
	Stack    string            `json:"stack"`
	Region   string            `json:"region"`
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
	Usage                      // nil: unknown
	SoFar    cost.Bill         `json:"soFar"`
	Forecast cost.Bill         `json:"forecast"`
	Clusters []Cluster         `json:"clusters"`
	Licences *Licences         `json:"licences"` // nil: there are none, or they are unknown
	Unknown  map[string]string `json:"unknown,omitempty"`

	gone []string // parts whose workspace does not exist
}

// Usage is what CloudWatch has counted of a workspace.
type Usage struct {
	Samples *price.Number `json:"samples"` // ingested, about: hourly means of a rate that is read each minute
	Queried *price.Number `json:"querySamples"`
	Series  *int          `json:"activeSeries"` // now
}

// Cluster is a cluster's part of what was ingested, by what its head has sent within the last hour.
type Cluster struct {
	Name    string        `json:"name"`
	Samples float64       `json:"samplesLastHour"`
	Share   float64       `json:"share"` // of all clusters, 0 to 1
	Dollars price.Dollars `json:"dollarsPerMonth"`
}

// Licences are those that Grafana's roles may come to: an upper bound, since AWS bills who signs in
// or asks the API, and nobody counts that.
type Licences struct {
	Editors int           `json:"adminsAndEditors"`
	Viewers int           `json:"viewers"`
	Groups  int           `json:"groups"` // whose members are not counted
	Dollars price.Dollars `json:"atMostDollarsPerMonth"`
}

// Ask is what a report is made for.
type Ask struct {
	Stack  string
	Now    time.Time
	Bound  time.Duration // of each question to AWS
	Up     string        // the command that creates the stack, for errors
	Status string        // the command that shows its state, likewise
}

// Look asks AWS. A stack that is not there is an error with exit code NotFound. What a stack holds that
// is half made, or half deleted, is unknown.
func Look(ctx context.Context, cfg aws.Config, l price.List, a Ask) (Report, error) {
	now := a.Now.UTC()
	r := Report{Stack: a.Stack, Region: cfg.Region, From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), To: now,
		Clusters: []Cluster{}, Unknown: map[string]string{}}
	var state stack.State
	err := within(ctx, a.Bound, func(ctx context.Context) (err error) {
		state, err = stack.New(cfg, a.Stack).Describe(ctx)
		return err
	})
	if err != nil {
		return r, err
	}
	if !state.Exists() {
		return r, hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", a.Stack, cfg.Region),
			"'"+a.Up+"' creates the stack; --stack and --region select another one; 'parascope cost estimate' estimates the cost of a stack")
	}
	if !holds(state) {
		r.Unknown["stack"] = fmt.Sprintf("stack %s is %s: which of its resources exist is not known; '%s' shows the reason and the next step",
			a.Stack, state.Status, a.Status)
	}
	if err := r.askParts(ctx, cfg, l, state, a.Bound); err != nil {
		return r, err
	}
	r.reckon(l, state)
	return r, nil
}

// holds reports whether all resources of the template exist, as far as the stack's status says so.
func holds(s stack.State) bool {
	return s.Status == types.StackStatusCreateComplete || strings.HasPrefix(string(s.Status), "UPDATE_") ||
		strings.HasPrefix(string(s.Status), "IMPORT_")
}

// askParts asks for what the stack has, or should have.
func (r *Report) askParts(ctx context.Context, cfg aws.Config, l price.List, state stack.State, bound time.Duration) error {
	out, monitoring := state.Outputs, stack.MonitoringOf(state.Parameters)
	for _, part := range []struct {
		what, needs string
		has         bool
		ask         func(context.Context) error
	}{
		{"usage", out["AMPWorkspaceId"], monitoring.HasPrometheus(), func(ctx context.Context) error {
			return r.askUsage(ctx, cfg, out["AMPWorkspaceId"])
		}},
		{"clusters", out["AMPPrometheusEndpoint"], monitoring.HasPrometheus(), func(ctx context.Context) error {
			return r.askClusters(ctx, cfg, out["AMPPrometheusEndpoint"])
		}},
		{"licences", out["ManagedGrafanaWorkspaceId"], monitoring.HasGrafana(), func(ctx context.Context) error {
			return r.askLicences(ctx, cfg, l, out["ManagedGrafanaWorkspaceId"])
		}},
	} {
		if part.needs == "" {
			if part.has && r.Unknown["stack"] != "" {
				r.Unknown[part.what] = fmt.Sprintf("stack %s is %s", r.Stack, state.Status)
			}
			continue
		}
		err := within(ctx, bound, part.ask)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Unknown[part.what] = awserr.Public(err.Error())
		}
		if hint.CodeOf(err) == hint.NotFound {
			r.gone = append(r.gone, part.what)
		}
	}
	return nil
}

// within asks for so long at most.
func within(ctx context.Context, bound time.Duration, ask func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	err := ask(bounded)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && bounded.Err() != nil:
		return hint.New(hint.Failure, fmt.Errorf("AWS did not answer within %s", bound), "run the command again with a longer --timeout")
	}
	return err
}

// reckon makes the bills of what was counted.
func (r *Report) reckon(l price.List, state stack.State) {
	elapsed := decimal.NewFromInt(int64(r.To.Sub(r.From) / time.Second))
	month := decimal.NewFromInt(int64(r.From.AddDate(0, 1, 0).Sub(r.From) / time.Second))
	bill := func(part decimal.Decimal, unknown string) cost.Bill { // of the month; why the usage of Prometheus is unknown then
		lines := r.atRest(l, state.Parameters, part)
		scale := decimal.NewFromInt(1)
		if elapsed.IsPositive() {
			scale = part.Mul(month).Div(elapsed)
		}
		switch {
		case r.Unknown["usage"] != "":
			lines = append(lines, cost.Line{What: "Prometheus, samples ingested and read", Source: r.Unknown["usage"]})
		case r.Samples != nil:
			used := cost.Sum(r.Region, []cost.Line{
				cost.LineOf(l, r.Region, price.Samples, r.Samples.Mul(scale), "Prometheus, samples ingested"),
				cost.LineOf(l, r.Region, price.Queries, r.Queried.Mul(scale), "Prometheus, samples read by queries")})
			if unknown != "" {
				used = unknownLines(used, unknown, func(cost.Line) bool { return true })
			}
			lines = append(lines, used.Lines...)
		}
		return cost.Sum(r.Region, lines)
	}
	forecast := ""
	if slices.Contains(r.gone, "clusters") { // the workspace was deleted: only its usage so far is billed
		forecast = r.Unknown["clusters"]
	}
	r.SoFar = bill(elapsed.Div(month), "")
	r.Forecast = bill(decimal.NewFromInt(1), forecast)
	if elapsed.IsPositive() && r.Samples != nil {
		ingestion := l.Of(price.Samples, r.Region, r.Samples.Mul(month).Div(elapsed))
		for i := range r.Clusters {
			r.Clusters[i].Dollars = ingestion.Times(decimal.NewFromFloat(r.Clusters[i].Share).Round(6))
		}
	}
}

// atRest is what the stack's resources cost for a part of the month.
func (r *Report) atRest(l price.List, parameters map[string]string, part decimal.Decimal) []cost.Line {
	b := cost.AtRest(l, cost.Stack{Region: r.Region, Parameters: parameters})
	if r.Unknown["stack"] != "" {
		b = unknownLines(b, r.Unknown["stack"], func(cost.Line) bool { return true })
	}
	if slices.Contains(r.gone, "licences") {
		b = unknownLines(b, r.Unknown["licences"], func(l cost.Line) bool { return l.Monthly }) // Grafana's
	}
	for i := range b.Lines {
		if !b.Lines[i].Monthly {
			b.Lines[i].Dollars = b.Lines[i].Dollars.Times(part)
		} else if r.Licences != nil && r.Licences.Dollars.IsKnown() { // Grafana's line
			b.Lines[i].What, b.Lines[i].Dollars = "Grafana, upper bound by roles", r.Licences.Dollars
		}
	}
	return b.Lines
}

// unknownLines is the bill with some lines unknown, for this reason.
func unknownLines(b cost.Bill, why string, some func(cost.Line) bool) cost.Bill {
	lines := slices.Clone(b.Lines)
	for i := range lines {
		if some(lines[i]) {
			lines[i].Dollars, lines[i].Source = price.Dollars{}, why
		}
	}
	return cost.Sum(b.Region, lines)
}

// askClusters asks which cluster sends how much.
func (r *Report) askClusters(ctx context.Context, cfg aws.Config, endpoint string) error {
	client, err := amp.NewQueryClient(cfg, endpoint)
	if err != nil {
		return err
	}
	result, err := client.Query(ctx, "sum by (cluster) (sum_over_time(scrape_samples_post_metric_relabeling[1h]))", r.To)
	if err != nil {
		return err
	}
	vector, ok := result.Value.(model.Vector)
	if !ok {
		return fmt.Errorf("unexpected result type %s: expected a vector", result.Value.Type())
	}
	total := 0.0
	counts := map[string]float64{}
	for _, s := range vector {
		counts[string(s.Metric["cluster"])] += float64(s.Value)
		total += float64(s.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		r.Clusters = append(r.Clusters, Cluster{Name: cmp.Or(name, "(no label cluster)"), Samples: counts[name],
			Share: counts[name] / max(total, 1)})
	}
	return nil
}

// askLicences counts roles.
func (r *Report) askLicences(ctx context.Context, cfg aws.Config, l price.List, workspaceID string) error {
	all, err := amg.Permissions(ctx, cfg, workspaceID)
	if err != nil {
		return err
	}
	editors, viewers := map[string]bool{}, map[string]bool{}
	var n Licences
	for _, p := range all {
		switch {
		case p.Group:
			n.Groups++
		case p.Role == "VIEWER":
			viewers[p.ID] = true
		default:
			editors[p.ID] = true
		}
	}
	for id := range editors {
		delete(viewers, id) // one licence, the larger one
	}
	n.Editors, n.Viewers = len(editors), len(viewers)
	if n.Groups == 0 { // else what their members come to is not known
		n.Dollars = l.Of(price.Editor, r.Region, decimal.NewFromInt(int64(max(len(editors), 1)))).
			Plus(l.Of(price.Viewer, r.Region, decimal.NewFromInt(int64(len(viewers)))))
	}
	r.Licences = &n
	return nil
}
