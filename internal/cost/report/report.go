// Package report says what a stack's monitoring has cost since the month began, from what AWS
// has counted, and what the month will come to.
package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	Samples  price.Number      `json:"samples"` // ingested, about: hourly means of a rate that is read each minute
	Queried  price.Number      `json:"querySamples"`
	Series   int               `json:"activeSeries"` // now
	SoFar    cost.Bill         `json:"soFar"`
	Forecast cost.Bill         `json:"forecast"`
	Clusters []Cluster         `json:"clusters"`
	Licences Licences          `json:"licences"`
	Unknown  map[string]string `json:"unknown,omitempty"`
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
	Stack string
	Now   time.Time
	Up    string // the command that creates the stack, for errors
}

// Look asks AWS. A stack that is not there is an error with exit code NotFound.
func Look(ctx context.Context, cfg aws.Config, l price.List, a Ask) (Report, error) {
	now := a.Now.UTC()
	r := Report{Stack: a.Stack, Region: cfg.Region, From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), To: now,
		Clusters: []Cluster{}, Unknown: map[string]string{}}
	state, err := stack.New(cfg, a.Stack).Describe(ctx)
	if err != nil {
		return r, err
	}
	if !state.Exists() {
		return r, hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", a.Stack, cfg.Region),
			"'"+a.Up+"' creates the stack; --stack and --region select another one; 'parascope cost estimate' estimates the cost of a stack")
	}
	out := state.Outputs
	for _, part := range []struct {
		what, needs string
		ask         func(context.Context) error
	}{
		{"usage", out["AMPWorkspaceId"], func(ctx context.Context) error { return r.askUsage(ctx, cfg, out["AMPWorkspaceId"]) }},
		{"clusters", out["AMPPrometheusEndpoint"], func(ctx context.Context) error {
			return r.askClusters(ctx, cfg, out["AMPPrometheusEndpoint"])
		}},
		{"licences", out["ManagedGrafanaWorkspaceId"], func(ctx context.Context) error {
			return r.askLicences(ctx, cfg, l, out["ManagedGrafanaWorkspaceId"])
		}},
	} {
		if part.needs == "" {
			continue // the stack has none
		}
		bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := part.ask(bounded)
		cancel()
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			r.Unknown[part.what] = awserr.Public(err.Error())
		}
	}
	r.reckon(l, state.Parameters, out["ManagedGrafanaWorkspaceId"] != "")
	return r, nil
}

// reckon makes the bills of what was counted.
func (r *Report) reckon(l price.List, parameters map[string]string, grafana bool) {
	elapsed := decimal.NewFromInt(int64(r.To.Sub(r.From) / time.Second))
	month := decimal.NewFromInt(int64(r.From.AddDate(0, 1, 0).Sub(r.From) / time.Second))
	bill := func(part decimal.Decimal) cost.Bill { // of the month
		s := cost.Stack{Region: r.Region, Parameters: parameters}
		var lines []cost.Line
		for _, line := range cost.AtRest(l, s).Lines {
			if !line.Monthly {
				line.Dollars = line.Dollars.Times(part)
			}
			lines = append(lines, line)
		}
		if grafana && r.Licences.Dollars.IsKnown() {
			lines[len(lines)-1].What, lines[len(lines)-1].Dollars = "Grafana, upper bound by roles", r.Licences.Dollars
		}
		scale := decimal.NewFromInt(1)
		if elapsed.IsPositive() {
			scale = part.Mul(month).Div(elapsed)
		}
		if _, failed := r.Unknown["usage"]; failed {
			return cost.Sum(r.Region, append(lines, cost.Line{What: "Prometheus, samples ingested and read", Source: r.Unknown["usage"]}))
		}
		return cost.Sum(r.Region, append(lines,
			cost.LineOf(l, r.Region, price.Samples, r.Samples.Mul(scale), "Prometheus, samples ingested"),
			cost.LineOf(l, r.Region, price.Queries, r.Queried.Mul(scale), "Prometheus, samples read by queries")))
	}
	r.SoFar = bill(elapsed.Div(month))
	r.Forecast = bill(decimal.NewFromInt(1))
	if elapsed.IsPositive() {
		ingestion := l.Of(price.Samples, r.Region, r.Samples.Mul(month).Div(elapsed))
		for i := range r.Clusters {
			r.Clusters[i].Dollars = ingestion.Times(decimal.NewFromFloat(r.Clusters[i].Share).Round(6))
		}
	}
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
	for _, p := range all {
		switch {
		case p.Group:
			r.Licences.Groups++
		case p.Role == "VIEWER":
			viewers[p.ID] = true
		default:
			editors[p.ID] = true
		}
	}
	for id := range editors {
		delete(viewers, id) // one licence, the larger one
	}
	r.Licences.Editors, r.Licences.Viewers = len(editors), len(viewers)
	if r.Licences.Groups > 0 {
		return nil // what their members come to is not known
	}
	r.Licences.Dollars = l.Of(price.Editor, r.Region, decimal.NewFromInt(int64(max(len(editors), 1)))).
		Plus(l.Of(price.Viewer, r.Region, decimal.NewFromInt(int64(len(viewers)))))
	return nil
}
