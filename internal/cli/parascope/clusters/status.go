package clusters

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/status"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// shownNodes is how many scraped nodes are listed; those that are not scraped are all.
const shownNodes = 50

func newClusterStatus(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show the nodes of a cluster, and which of them are scraped",
		Long: `Show a cluster: its nodes by Slurm's state, which of them are scraped
and since when, and why the others are not. Metrics come from the cluster's series in
the stack's workspace, the list of instances from EC2. Data that could not be read is
shown as unknown. The last lines suggest the next commands.

Exit code 5: the cluster, or a stack with a workspace, does not exist.`,
		Example: `  parascope cluster status hpc
  parascope cluster status hpc --json | jq '.nodes[] | select(.scraped | not)'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.ReportFailure(asJSON, runClusterStatus(cmd.Context(), p, on.Target(cmd), on.AWS, args[0], asJSON))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	flags.CompleteArgs(c, flags.Asked(&on.AWS, lookup.Names, func(name string) cobra.Completion { return name }))
	return c
}

func runClusterStatus(ctx context.Context, p *cli.Process, t deploy.Target, o awsconf.Options, name string, asJSON bool) error {
	cfg, err := awsconf.Load(ctx, o)
	if err != nil {
		return err
	}
	c, err := lookup.Find(ctx, cfg, name)
	if err != nil {
		return err
	}
	if !c.Exists {
		return hint.New(hint.NotFound, fmt.Errorf("there is no cluster %s in %s", name, cfg.Region),
			"'parascope cluster new "+name+"' writes a cluster configuration, and prints the commands that create the cluster")
	}
	s, err := status.Look(ctx, cfg, c, status.Options{Stack: t.StackName, Up: t.Command("up"), Now: time.Now})
	if err != nil {
		return err
	}
	if asJSON {
		return p.PrintJSON(s)
	}
	return printClusterStatus(p.Stdout, term.Style(p.Stdout, p.Getenv), s, time.Now())
}

func printClusterStatus(w io.Writer, style term.Styler, s status.Status, now time.Time) error {
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-9s %s\n", what, strings.Map(shown, fmt.Sprintf(format, args...)))
	}
	line("cluster", "%s, ParallelCluster %s, %s", s.Cluster.Name, s.Cluster.Version, s.Cluster.Status)
	if s.LastSample == nil {
		line("sample", "no sample has arrived within the last hour")
	} else {
		line("sample", "the last sample arrived %s ago", now.Sub(*s.LastSample).Round(time.Second))
	}
	if len(s.States) > 0 {
		var all []string
		for _, state := range slices.Sorted(maps.Keys(s.States)) {
			all = append(all, fmt.Sprintf("%d %s", s.States[state], state))
		}
		line("slurm", "%s", strings.Join(all, ", "))
	}
	if s.Slurm != "" {
		line("slurm", "%s", s.Slurm)
	}
	for _, what := range slices.Sorted(maps.Keys(s.Unknown)) {
		line(what, "%s: %s", "unknown", s.Unknown[what])
	}
	if len(s.Nodes) > 0 {
		fmt.Fprintln(w)
		rows, more := nodeRows(style, s.Nodes, now)
		columns := []term.Column{{Title: "NODE"}, {Title: "TYPE"}, {Title: "QUEUE"}, {Title: "STATE"}, {Title: "INSTANCE"}, {Title: "INSTALLED"},
			{Title: "SCRAPED"}}
		if err := term.Table(w, style, columns, rows); err != nil {
			return err
		}
		if more > 0 {
			fmt.Fprintf(w, "and %d more scraped nodes; --json lists all\n", more)
		}
	}
	printNext(w, s.Next)
	return nil
}

// nodeRows are the table's. more is how many scraped nodes are left out.
func nodeRows(style term.Styler, nodes []status.Node, now time.Time) (rows [][]string, more int) {
	scraped := 0
	for _, n := range nodes {
		last := style.Bad("no") + ": " + n.Why
		if n.Scraped {
			if scraped++; scraped > shownNodes {
				more++
				continue
			}
			last = style.Good("yes") + since(n, now)
		}
		rows = append(rows, []string{cmp.Or(n.Name, "-"), n.Type, cmp.Or(n.Queue, "-"), cmp.Or(n.State, "-"), cmp.Or(n.Instance, "-"),
			cmp.Or(n.Installed, "-"), last})
	}
	return rows, more
}

// since is for how long a node has been scraped, in words.
func since(n status.Node, now time.Time) (text string) {
	if n.Since != nil && !n.Since.IsZero() {
		age := now.Sub(*n.Since)
		switch {
		case n.Longer:
			text = fmt.Sprintf(", for more than %d hours", int(status.Window.Hours()))
		case age < status.Step:
			text = ", for less than a minute"
		case age < time.Hour:
			text = fmt.Sprintf(", for %d min", int(age.Minutes()))
		default:
			text = fmt.Sprintf(", for %d h %d min", int(age.Hours()), int(age.Minutes())%60)
		}
	}
	if n.GPUs {
		text += ", GPUs too"
	}
	return text
}
