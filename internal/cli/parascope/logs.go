package parascope

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newLogs(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var since time.Duration
	var follow, asJSON bool
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show the setup function's log",
		Example: `  parascope logs
  parascope logs --follow --since 10m
  parascope logs --since 7d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since < 0 {
				return hint.New(hint.Usage, fmt.Errorf("--since %s is in the future", duration.Format(since)),
					"give --since 1h for the last hour")
			}
			cfg, err := awsconf.Load(cmd.Context(), on.AWS)
			if err != nil {
				return err
			}
			style := term.Style(p.Stdout, p.Getenv)
			shown := false
			err = deploy.Logs(cmd.Context(), cfg, on.Target(cmd), time.Now().Add(-since), follow, func(l deploy.LogLine) error {
				shown = true
				if asJSON {
					return json.NewEncoder(p.Stdout).Encode(l)
				}
				return term.Printf(p.Stdout, "%s %s\n", style.Faint(l.Time.Format("2006-01-02T15:04:05.000Z07:00")), l.Text)
			})
			if err == nil && !shown {
				_ = term.Printf(p.Stderr, "no log lines within the last %s; '%s --since 1d' shows older lines\n", duration.Format(since),
					on.Target(cmd).Command("logs"))
			}
			return err
		},
	}
	f := c.Flags()
	duration.Var(f, &since, "since", time.Hour, "show the last `DURATION`: 10m, 1h30m, 1d")
	f.BoolVarP(&follow, "follow", "f", false, "follow the log until Ctrl-C")
	f.BoolVar(&asJSON, "json", false, "print JSON lines")
	on.Add(c)
	return c
}
