package parascope

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/term"
)

func newStatus(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the stack, workspaces, users and clusters",
		Long: `Show a stack, both workspaces, the data sources at the setup function's last run, the
users who can sign in, and when each cluster sent its last sample. Data that could not
be read is shown as unknown. For a failed stack it shows the cause and the next step,
and exits with 1. It changes nothing; 'parascope connect' checks and repairs the data
sources.`,
		Example: `  parascope status
  parascope status --json | jq '.clusters'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := awsconf.Load(cmd.Context(), on.AWS)
			if err != nil {
				return err
			}
			s, err := deploy.Look(cmd.Context(), cfg, on.Target(cmd))
			if err != nil {
				return err
			}
			if asJSON {
				return errors.Join(s.Failure.Err(), p.PrintJSON(s))
			}
			printStatus(p, on.Target(cmd), s)
			return s.Failure.Err()
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}

func printStatus(p *cli.Process, t deploy.Target, s deploy.Status) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(what, format string, args ...any) {
		_ = term.Printf(p.Stdout, "%-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("stack", "%s %s", s.StackName, s.StackStatus)
	if s.Failure != nil && s.Failure.Works {
		line("", "%s the last update failed and was rolled back: %s; %s", style.Bold("!"), s.Failure.Reason, s.Failure.Next)
	}
	line("prometheus", "%s", cmp.Or(s.Prometheus, "none"))
	line("grafana", "%s", strings.TrimSpace(cmp.Or(s.Grafana, "none")+"  "+s.GrafanaURL))
	if s.Function != nil && s.Unknown["setup function"] == "" {
		line("function", "%s", s.Function.Describe(t))
	}
	for _, d := range s.DataSources {
		line("data source", "%s", describeSource(d))
	}
	printAlerts(line, t, s)
	if s.Unknown["people"] == "" && s.GrafanaURL != "" {
		line("people", "%d can sign in", len(people.SignIn(s.Members)))
		printMembers(p, s.Members)
		if len(s.Members) > 0 && !people.HasAdmin(s.Members) {
			line("", "%s %s: %s", style.Bold("!"), deploy.NoAdmin, t.Users("add", s.GrafanaID)+" WHO:admin")
		}
	}
	for _, c := range s.Clusters {
		age := time.Since(c.LastSample).Round(time.Second)
		line("cluster", "%s, last sample %s ago", c, age)
	}
	if len(s.Clusters) == 0 && s.Unknown["clusters"] == "" && s.Prometheus != "" {
		line("cluster", "no metrics arrived within the last hour; on the head node: parascope head status")
	}
	for _, what := range slices.Sorted(maps.Keys(s.Unknown)) {
		line(what, "%s: %s", style.Bold("unknown"), strings.ReplaceAll(s.Unknown[what], "\n", "; "))
	}
}

// printAlerts says how the alert rules are, and who alerts are sent to.
func printAlerts(line func(what, format string, args ...any), t deploy.Target, s deploy.Status) {
	if s.Prometheus == "" || s.Unknown["alerts"] != "" {
		return
	}
	good := 0
	for _, n := range s.Rules.Namespaces {
		if n.Status == "ACTIVE" {
			good++
			continue
		}
		line("", "! rule groups namespace %s is %s: %s", n.Name, n.Status, cmp.Or(n.Reason, "AMP gave no reason"))
	}
	for _, o := range s.Rules.LastRun {
		if o.Error != "" {
			line("", "! the setup function did not write %s: %s", o.Name, o.Error)
		}
	}
	rules := fmt.Sprintf("%d of %d rule groups namespaces are ACTIVE", good, len(s.Rules.Namespaces))
	if len(s.Rules.Namespaces) == 0 {
		rules = "no rules, so no alert can fire; " + t.Command("alerts rules apply") + " writes the rules"
	}
	line("alerts", "%s", rules)
	for _, a := range s.AlertTo {
		line("", "to %s", a)
	}
	if len(s.AlertTo) == 0 {
		line("", "no recipient; add one: %s --alert-to YOUR-E-MAIL", t.Command("up"))
	}
}

// describeSource is a data source in words.
func describeSource(d deploy.DataSource) string {
	text := d.Name
	if d.Default {
		text += " (default)"
	}
	if d.Checked.IsZero() {
		return text + ", not checked"
	}
	health, _, _ := strings.Cut(d.Health, ":")
	if health != "OK" {
		health = d.Health
	}
	return fmt.Sprintf("%s, %s at the setup function's last run, %s ago", text, health, time.Since(d.Checked).Round(time.Second))
}
