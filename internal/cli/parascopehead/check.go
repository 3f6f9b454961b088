package parascopehead

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/term"
)

func newCheck(p *cli.Process, file *string, ignoreRules *bool) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Test a configuration file without starting anything",
		Long: `Read FILE, or the file of --config.file, as the head reads it, and start nothing. It refuses
what stock Prometheus in agent mode refuses. It also reports settings with which no
samples arrive: nothing to scrape, no remote_write, a URL that is not for remote write,
write_relabel_configs that drop every sample, AMP without sigv4, or a sigv4 region that
is not the URL's.

Exit code 3 if the file is not valid or nothing could arrive: nothing is scraped, or no
remote_write can deliver. Problems of one remote_write beside a good one are printed,
and the exit code is 0; with --json they have "fatal": true.`,
		Example: `  parascope head check prometheus.yml
  parascope head check --ignore-rules prometheus.yml   # of a Prometheus that evaluates rules`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := *file
			if len(args) > 0 {
				name = args[0]
			}
			s, err := head.Check(c.Context(), name, *ignoreRules)
			if err != nil {
				return err
			}
			if asJSON {
				if err := json.NewEncoder(p.Stdout).Encode(s); err != nil {
					return fmt.Errorf("could not write the summary: %w", err)
				}
				return s.Err(name)
			}
			if s.Err(name) == nil {
				fmt.Fprintf(p.Stdout, "%s is valid: %d scrape jobs, %d remote writes\n", name, s.Jobs, s.RemoteWrites)
			}
			for _, n := range s.Notes {
				fmt.Fprintf(p.Stdout, "note: %s\n", term.Clean(n))
			}
			for _, problem := range s.Problems {
				fmt.Fprintf(p.Stdout, "problem: %s (%s)\n", term.Clean(problem.Text), problem.Next)
			}
			return s.Err(name)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return c
}
