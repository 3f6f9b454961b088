// Package parascopelocal has the commands of the program parascope-local.
package parascopelocal

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/local"
	"github.com/parascope/parascope/internal/term"
)

const about = `Run a local cloud that answers the AWS APIs, bring up the stack in it as
'parascope up' does (a Prometheus workspace, a Grafana workspace, connected), and
run a node exporter for this machine and a head agent that scrapes and sends. It is
ready when a sample of this machine was scraped, sent and queried back, and Grafana's
data source is healthy.

With --no-stack the head sends to a workspace without a stack. If you then create the
stack pcluster-infra as in the guide, start again without --no-stack to send to it.

State and samples are kept in --data across restarts. Ctrl-C stops everything. E-mails of
alerts and subscription requests are not sent; they are shown on the page /mailbox
of the local Grafana.

At the first start the first three users of Identity Center get a role in Grafana:
admin, editor, viewer. Later starts do not change roles; use 'parascope users'. The
users are three examples, or those of a JSON file given with --people; each start adds
users of the file that are missing:

  {
    "users": [
      {"userName": "dana", "email": "dana@example.com", "givenName": "Dana", "familyName": "Diaz"}
    ],
    "groups": [
      {"displayName": "platform-team", "description": "runs the clusters", "members": ["dana"]}
    ]
  }

--demo adds a made-up cluster, demo-made-up, to see the dashboards without a cluster:
twelve nodes, four of them with GPUs, three jobs, and faults that come and go. The names of
the cluster and of its nodes say that it is made up. Its last hour is available at once.

Grafana needs an organization instance of Identity Center: with --identity-center
account or none, a new stack has only Prometheus.`

// New makes the root command, with the list of its commands in the order of the help.
func New(p *cli.Process) *cobra.Command {
	o := local.Options{}
	var asJSON, verbose bool
	c := &cobra.Command{
		Use:   "parascope-local",
		Short: "Run everything on this machine, without AWS",
		Long:  about,
		Example: `  parascope local
  eval "$(parascope local env)"        # in another shell: point AWS clients at it
  parascope query node_load1
  parascope local --demo               # with a made-up cluster of GPUs and jobs
  aws amp list-workspaces              # the real AWS CLI works as well`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.NodeProgram, err = artifact.FindProgram("parascope-node"); err != nil {
				return err
			}
			if o.HeadProgram, err = artifact.FindProgram("parascope-head"); err != nil {
				return err
			}
			if cmd.Flags().Changed("imds-credential-lifetime") && o.IMDSAddress == "" {
				o.IMDSAddress = "127.0.0.1:0" // a lifetime says that there are such credentials
			}
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelDebug
			}
			o.Logger = slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: level}))
			if o.DataDir, err = dataDir(p, o.DataDir); err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // who started it may stop reading; the cloud goes on
			report := printEvents(p)
			if asJSON {
				enc := json.NewEncoder(p.Stdout)
				report = func(e local.Event) { _ = enc.Encode(e) } // a closed pipe must not stop the cloud
			}
			return local.Run(cmd.Context(), o, report)
		},
	}
	f := c.Flags()
	c.PersistentFlags().StringVar(&o.DataDir, "data", "",
		"directory for state, samples, keys and logs (default $XDG_STATE_HOME/parascope/local)")
	f.StringVar(&o.CloudAddress, "listen", "127.0.0.1:9280", "address of the local cloud; port 0 selects a free one")
	f.StringVar(&o.NodeAddress, "node-address", "127.0.0.1:9100", "address of the node exporter")
	f.StringVar(&o.HeadAddress, "head-address", "127.0.0.1:9090", "address of the head agent")
	f.StringVar(&o.IMDSAddress, "imds-listen", "",
		"address of an instance metadata service that gives the head its credentials (default: none)")
	duration.Var(f, &o.Cloud.IMDS.CredentialLifetime, "imds-credential-lifetime", 6*time.Hour,
		"lifetime of the metadata service's credentials; also starts the service, on a free port")
	f.StringVar(&o.Region, "region", "us-east-2", "region of the workspace")
	f.BoolVar(&o.NoStack, "no-stack", false, "create only a Prometheus workspace, not the stack with Grafana, to run the guide manually")
	f.StringVar(&o.Alias, "alias", "local", "with --no-stack: alias of the workspace")
	f.StringVar(&o.IdentityCenter, "identity-center", "organization",
		"kind of Identity Center instance: organization (required by Grafana), account, or none")
	f.StringVar(&o.Cloud.People.Seed, "people", "",
		"JSON `FILE` of users and groups for Identity Center, as above (default: three example people)")
	f.BoolVar(&o.Demo, "demo", false, "add a made-up cluster with GPUs and jobs, to see the dashboards")
	f.IntVar(&o.DemoNodes, "demo-nodes", 12, "with --demo: number of nodes; nodes beyond 12 have GPUs and no jobs")
	f.StringVar(&o.AuditFile, "audit", "", "write every permission check to `FILE`, one JSON line each")
	duration.Var(f, &o.Interval, "scrape-interval", 2*time.Second, "interval at which the head scrapes its targets")
	f.IntVar(&o.Cloud.AMP.Limits.IngestionRate, "amp-ingestion-rate", o.Cloud.AMP.Limits.IngestionRate,
		"ingestion rate in samples per second above which a workspace returns 429 (0: AWS's default quota)")
	f.IntVar(&o.Cloud.AMP.Limits.ActiveSeries, "amp-active-series", o.Cloud.AMP.Limits.ActiveSeries,
		"maximum number of active series of a workspace (0: AWS's default quota)")
	f.IntVar(&o.Patience, "patience", 1, "factor of the limits of the start and the stop, for tests on busy machines")
	f.Lookup("patience").Hidden = true
	f.BoolVar(&asJSON, "json", false, "print events as JSON lines")
	f.BoolVar(&verbose, "verbose", false, "log every request")
	c.AddCommand(newEnv(p, &o.DataDir), newFault(p, &o.DataDir), cli.NewVersion(p, "parascope-local"))
	return c
}

// dataDir resolves --data; relative paths become absolute, since the exports of
// 'local env' are used from other directories.
func dataDir(p *cli.Process, flag string) (string, error) {
	if flag == "" {
		state := p.Getenv("XDG_STATE_HOME")
		if state == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", hint.New(hint.Usage, fmt.Errorf("could not determine the data directory: %w", err), "give --data DIR")
			}
			state = filepath.Join(home, ".local", "state")
		}
		flag = filepath.Join(state, "parascope", "local")
	}
	abs, err := filepath.Abs(flag)
	if err != nil {
		return "", fmt.Errorf("could not resolve --data: %w", err)
	}
	return abs, nil
}

// printEvents draws events for a person: a line for each thing that runs.
func printEvents(p *cli.Process) func(local.Event) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(w io.Writer, format string, args ...any) { _ = term.Printf(w, format+"\n", args...) }
	look := ""
	return func(e local.Event) {
		switch e.Kind {
		case local.Started:
			line(p.Stdout, "%s %-10s %s  %s", style.Good("✓"), e.What, e.Address, style.Faint(e.Detail))
			if e.What == "grafana" {
				look = "; open the address of grafana"
			}
		case local.Exited:
			line(p.Stderr, "%s %s (pid %d) ended: %s", style.Bad("✗"), e.What, e.PID, e.Detail)
			line(p.Stderr, "  the other programs keep running; restart 'parascope local' to start the stopped program again")
		case local.Ready:
			line(p.Stdout, "\n%s  this machine's metrics arrive%s. In another shell:", style.Bold("ready"), look)
			// As it was called: a newcomer's shell does not find it otherwise.
			line(p.Stdout, "  eval \"$(%s env --data %s)\"", p.Name, cli.ShellQuote(e.Detail))
			line(p.Stdout, "  %s query node_load1", strings.TrimRight(strings.TrimSuffix(p.Name, "local"), " -"))
			line(p.Stdout, "Ctrl-C stops all programs; the data is kept in %s.", e.Detail)
		case local.Trouble:
			line(p.Stderr, "%s %s: %s", style.Bold("!"), e.What, e.Detail)
		case local.Stopping:
			line(p.Stderr, "stopping; press Ctrl-C again to stop immediately")
		}
	}
}
