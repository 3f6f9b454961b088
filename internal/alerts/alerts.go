// Package alerts is what people do with the alerts of a stack: see which fire, silence them,
// try the way that they take, and end those of a cluster that is gone.
package alerts

import (
	"cmp"
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/docs"
	"github.com/parascope/parascope/internal/amp"
)

// Place is where a stack's alerts are.
type Place struct {
	WorkspaceID string // of Prometheus
	Endpoint    string // of that workspace
	TopicARN    string // of SNS
}

// Firing is an alert that the alert manager holds.
type Firing struct {
	Name     string            `json:"name"`
	Severity string            `json:"severity"`
	Cluster  string            `json:"cluster,omitempty"`
	Since    time.Time         `json:"since"`
	Summary  string            `json:"summary"`
	Meaning  string            `json:"meaning,omitempty"` // of its page; "": it is none of parascope's
	Page     string            `json:"page,omitempty"`    // URL
	Held     string            `json:"held,omitempty"`    // why it is not sent: silenced, or inhibited
	Labels   map[string]string `json:"labels"`
}

// List returns the alerts that fire: those of severity page first, then by cluster and name.
func List(ctx context.Context, cfg aws.Config, at Place) ([]Firing, error) {
	client, err := amp.NewAlertClient(cfg, at.Endpoint)
	if err != nil {
		return nil, err
	}
	held, err := client.Alerts(ctx)
	if err != nil {
		return nil, fmt.Errorf("could not list the alerts of workspace %s: %w", at.WorkspaceID, err)
	}
	all := []Firing{}
	for _, a := range held {
		f := Firing{
			Name: a.Labels["alertname"], Severity: a.Labels["severity"], Cluster: a.Labels["cluster"], Since: a.StartsAt.UTC(),
			Summary: a.Annotations["summary"], Page: a.Annotations["runbook_url"], Labels: a.Labels,
		}
		f.Meaning = Meaning(f.Name)
		switch {
		case len(a.Status.SilencedBy) > 0:
			f.Held = "silenced by " + strings.Join(a.Status.SilencedBy, ", ")
		case len(a.Status.InhibitedBy) > 0:
			f.Held = "inhibited by another alert"
		}
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { // slices.SortFunc adds 20 kB for this type
		a, b := all[i], all[j]
		return cmp.Or(rank(a.Severity)-rank(b.Severity), strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Summary, b.Summary)) < 0
	})
	return all, nil
}

func rank(severity string) int {
	switch severity {
	case "page":
		return 0
	case "warn":
		return 1
	}
	return 2
}

// Meaning is the first sentence of what an alert's page says that it means; "" for alerts
// that parascope does not have.
func Meaning(name string) string {
	if strings.ContainsAny(name, "/.") {
		return ""
	}
	page, err := docs.Alerts.ReadFile("alerts/" + name + ".md")
	if err != nil {
		return ""
	}
	_, section, found := strings.Cut(string(page), "## Meaning\n")
	if !found {
		return ""
	}
	section, _, _ = strings.Cut(section, "\n## ")
	text := strings.Join(strings.Fields(section), " ")
	if first, _, more := strings.Cut(text, ". "); more {
		text = first + "."
	}
	return text
}
