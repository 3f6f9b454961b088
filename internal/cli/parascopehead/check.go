package parascopehead

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
)

func newCheck(p *cli.Process, file *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "check",
		Short:   "Test a configuration file without starting anything",
		Example: `  parascope head check --config.file prometheus.yml`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := head.Check(c.Context(), *file)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(p.Stdout).Encode(s)
			}
			fmt.Fprintf(p.Stdout, "%s is valid: %d scrape jobs, %d remote writes\n", *file, s.Jobs, s.RemoteWrites)
			for _, n := range s.Notes {
				fmt.Fprintf(p.Stdout, "note: %s\n", n)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	return c
}
