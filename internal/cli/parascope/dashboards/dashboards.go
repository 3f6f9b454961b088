// Package dashboards has the commands of parascope dashboards: lint, export and import.
package dashboards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/dashboard/lint"
	"github.com/parascope/parascope/internal/dashboard/site"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// New makes the command and those below it.
func New(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "dashboards",
		Short: "Check, export and import your own dashboards",
		Long: `Check Grafana dashboards and rule files for empty or wrong panels, and move your own
dashboards between workspaces. The setup function ('parascope connect') installs the
dashboards of parascope.

  parascope dashboards lint my-dashboard.json     which panels would be empty or wrong
  parascope dashboards export --to dashboards/    dashboards made in Grafana, as files
  parascope dashboards import dashboards/         into this workspace`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newLint(p), newExport(p), newImport(p))
	return c
}

func newLint(p *cli.Process) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "lint FILE…",
		Short: "Report panels and rules that would be empty or wrong, and how to fix them",
		Long: `Read JSON files of dashboards or YAML files of rules, and report queries that would be empty or
wrong on a workspace with parascope's metrics: unknown metrics and labels,
rates of gauges, divisions by a value that may be 0, counts of CPUs by the label cpu, queries
that do not select a cluster, panels without unit or description. AWS is not queried.
The exit status is 1 if anything was found.`,
		Example: `  parascope dashboards lint my-dashboard.json
  parascope dashboards lint rules.yml --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			return lintFiles(cmd.Context(), p, args, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// linted are the findings of a file.
type linted struct {
	File     string         `json:"file"`
	Findings []lint.Finding `json:"findings"`
}

func lintFiles(ctx context.Context, p *cli.Process, names []string, asJSON bool) error {
	known, all, n := lint.Documented(), []linted{}, 0
	for _, name := range names {
		content, err := readLimited(ctx, name)
		if err != nil {
			return err
		}
		found, err := lint.File(content, known)
		if err != nil {
			return hint.New(hint.BadInput, fmt.Errorf("%s: %w", name, err), "give a dashboard's JSON file, or a YAML file with rule groups")
		}
		n += len(found)
		all = append(all, linted{name, append([]lint.Finding{}, found...)})
	}
	if asJSON {
		if err := p.PrintJSON(all); err != nil {
			return err
		}
	} else {
		printFindings(p, all)
	}
	if n > 0 {
		return hint.New(hint.Failure, fmt.Errorf("%d findings", n), "apply the corrections that are shown after →")
	}
	return nil
}

// readLimited reads a file of at most 8 MB and a byte: what is longer is refused by who reads it.
func readLimited(ctx context.Context, name string) ([]byte, error) {
	content, err := outfile.Read(ctx, name, 8<<20+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.New(hint.NotFound, fmt.Errorf("there is no file %s", name), "give a dashboard's JSON file, or a YAML file "+
			"with rule groups")
	}
	return content, err
}

func printFindings(p *cli.Process, all []linted) {
	style := term.Style(p.Stdout, p.Getenv)
	for _, file := range all {
		if len(file.Findings) == 0 {
			fmt.Fprintf(p.Stdout, "%s %s: nothing found\n", style.Good("✓"), term.Clean(file.File))
			continue
		}
		fmt.Fprintf(p.Stdout, "%s %s: %d findings\n", style.Bad("✗"), term.Clean(file.File), len(file.Findings))
		for _, f := range file.Findings {
			fmt.Fprintf(p.Stdout, "  %s  %s\n    %s\n    → %s\n", style.Bold(term.Clean(f.Where)), f.Kind, term.Clean(f.What),
				term.Clean(f.Next))
		}
	}
}

func newExport(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Export dashboards that were created in Grafana to files",
		Long: `Write each dashboard of the stack's Grafana, except those of parascope, to a file of its
own, with placeholders for the data sources, so that it can be imported elsewhere. A
temporary Grafana service account is created for the export, and deleted afterwards.`,
		Example: `  parascope dashboards export --to dashboards/`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			return moveDashboards(cmd, p, &on, asJSON, func(ctx context.Context, client *grafana.Client) ([]site.File, error) {
				return site.Export(ctx, client, dir)
			})
		},
	}
	c.Flags().StringVar(&dir, "to", "dashboards", "`DIRECTORY` to write the files to")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}

func newImport(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "import FILE|DIRECTORY…",
		Short: "Import dashboard files into the stack's Grafana",
		Long: `Save dashboards in the folder "site" of the stack's Grafana. Placeholders are replaced by its
data sources; files that Grafana exported are accepted too. A dashboard with the same
uid is replaced. Run 'parascope dashboards lint' on the files first.`,
		Example: `  parascope dashboards import dashboards/
  parascope dashboards import my-dashboard.json --stack pcluster-infra`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			return moveDashboards(cmd, p, &on, asJSON, func(ctx context.Context, client *grafana.Client) ([]site.File, error) {
				return site.Import(ctx, client, args)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}

// moveDashboards does something with the stack's Grafana, and prints the result.
func moveDashboards(cmd *cobra.Command, p *cli.Process, on *flags.Stack, asJSON bool,
	move func(context.Context, *grafana.Client) ([]site.File, error)) error {
	cfg, err := awsconf.Load(cmd.Context(), on.AWS)
	if err != nil {
		return err
	}
	var files []site.File
	err = site.WithGrafana(cmd.Context(), cfg, on.Name, func(client *grafana.Client) (err error) {
		files, err = move(cmd.Context(), client)
		return err
	})
	if asJSON && err == nil {
		if files == nil {
			files = []site.File{}
		}
		return p.PrintJSON(files)
	}
	for _, f := range files {
		fmt.Fprintf(p.Stdout, "%s  %s\n", term.Clean(f.Title), term.Clean(f.File))
	}
	if err == nil {
		fmt.Fprintf(p.Stdout, "%d dashboards\n", len(files))
	}
	return err
}
