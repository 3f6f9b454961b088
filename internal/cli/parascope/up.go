package parascope

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cli/progress"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/term"
)

type upOptions struct {
	on         flags.Stack
	deploy     deploy.UpOptions
	parameters []string
	users      []string
	alertTo    []string
	yes        bool
	json       bool
}

func newUp(p *cli.Process) *cobra.Command {
	o := upOptions{}
	architecture := string(artifact.HostArchitecture())
	c := &cobra.Command{
		Use:   "up",
		Short: "Create or update the infrastructure stack: Prometheus, Grafana, connected",
		Long: `Create the infrastructure stack, or update it to this version of parascope: a VPC, a
Prometheus workspace, a Grafana workspace, and the function that adds Prometheus to
Grafana as the default data source. It shows the progress of CloudFormation.

A second run resumes an interrupted run, and removes what a failed run left; otherwise
it changes nothing. Ctrl-C stops watching; the operation continues in AWS, and 'parascope up'
resumes watching it.

It shows the plan and the cost per month, and asks before it creates the stack, before
the cost rises, before an existing resource is replaced or removed, and when required
permissions are missing (docs/iam has the policy). Use --yes in scripts: if standard
input is not a terminal, the command fails instead of asking.`,
		Example: `  parascope up
  parascope up --yes                          # in a script
  parascope up --user alice@example.com:admin --user bob@example.com:viewer
  parascope up --alert-to alice@example.com
  parascope up --parameter PrimarySubnetAZ=us-east-2b --region us-east-2
  parascope up --parameter MonitoringType=amp-only`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.deploy.Package.Architecture = artifact.Architecture(architecture)
			o.deploy.Target = o.on.Target(cmd)
			return p.ReportFailure(o.json, runUp(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.parameters, "parameter", nil, "`NAME=VALUE` of a parameter of the template; may be repeated")
	f.StringArrayVar(&o.users, "user", nil, "`WHO:ROLE` to give a role: an e-mail, user name or group:NAME; admin, editor or viewer")
	f.StringArrayVar(&o.alertTo, "alert-to", nil, "`ENDPOINT` that alerts are sent to: an e-mail address or an https URL, or one of each")
	f.StringVar(&o.deploy.Package.Bucket, "bucket", "",
		"`BUCKET` for the setup function (default: parascope-ACCOUNT-REGION, created if it does not exist)")
	f.StringVar(&architecture, "architecture", architecture, "architecture `arm64|x86_64` of the setup function in Lambda (default: "+
		"this machine's)")
	f.Lookup("architecture").DefValue = "" // the text says it
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before creating, replacing or removing, or when permissions are missing")
	f.BoolVar(&o.json, "json", false, "print events, and the result, as JSON lines")
	o.on.Add(c)
	flags.Complete(c, "user", wants(&o.on.AWS))
	flags.Complete(c, "parameter", parameters)
	return c
}

func runUp(ctx context.Context, p *cli.Process, o upOptions) error {
	var err error
	if o.deploy.People, err = readWants(o.users); err != nil {
		return err
	}
	endpoints, err := subscribe.Parameters(o.alertTo)
	if err != nil {
		return err
	}
	if o.deploy.Parameters, err = flags.Parameters(o.parameters); err != nil {
		return err
	}
	maps.Copy(o.deploy.Parameters, endpoints)
	cfg, err := awsconf.Load(ctx, o.on.AWS)
	if err != nil {
		return err
	}
	r := progress.New(p, o.json)
	if !o.yes {
		o.deploy.Confirm = confirmed(ctx, p, r)
	}
	result, err := deploy.Up(ctx, cfg, o.deploy, r.Report)
	r.Stop()
	if err != nil {
		return err
	}
	if o.json {
		return p.PrintJSONLine(map[string]any{"event": "result", "result": result})
	}
	printUp(p, o.deploy.Target, result)
	return nil
}

// readWants reads WHO:ROLE of each --user.
func readWants(users []string) ([]people.Want, error) {
	var wants []people.Want
	for _, u := range users {
		i := strings.LastIndex(u, ":")
		if i < 0 || isKind(u[:i]) {
			return nil, hint.New(hint.Usage, fmt.Errorf("--user %q has no role", u), "write the user and the role as alice@example.com:admin")
		}
		role, err := amg.ParseRole(u[i+1:])
		if err != nil {
			return nil, err
		}
		wants = append(wants, people.Want{Who: u[:i], Role: role})
	}
	return wants, nil
}

// confirmed asks the person between the lines that are drawn.
func confirmed(ctx context.Context, p *cli.Process, drawn progress.Progress) func(question string) (bool, error) {
	return func(question string) (yes bool, err error) {
		drawn.Quiet(func() { yes, err = p.Ask(ctx, question) })
		return yes, err
	}
}

// printUp is what a newcomer reads when all is there.
func printUp(p *cli.Process, t deploy.Target, r deploy.UpResult) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(format string, args ...any) { _ = term.Printf(p.Stdout, format+"\n", args...) }
	if r.GrafanaURL != "" {
		line("%s  %s", style.Bold("Grafana"), r.GrafanaURL)
		printMembers(p, r.Members)
		if len(people.SignIn(r.Members)) == 0 {
			line("  no user can sign in yet")
		}
	}
	for _, a := range r.AlertTo {
		line("%s  %s", style.Bold("Alerts to"), a)
	}
	line("%s  %s", style.Bold("Cost"), r.Cost)
	for _, text := range progress.DescribeCost(r.Cost) {
		line("  %s", text)
	}
	for i, text := range strings.Split(nextAfterUp(t, r), "\n") {
		if i == 0 {
			text = style.Bold("Next") + "  " + text
		}
		line("%s", text)
	}
}

// printMembers lists who may sign in as what, and who has a role and may not.
func printMembers(p *cli.Process, members []people.Member) {
	for _, m := range members {
		who := m.Principal.String()
		if m.Gone {
			who += ", id " + m.ID + ": 'parascope users remove " + m.ID + "' removes the role"
		}
		_ = term.Printf(p.Stdout, "  %-7s %s\n", strings.ToLower(string(m.Role)), who)
	}
}

// nextAfterUp is the one thing to do next.
func nextAfterUp(t deploy.Target, r deploy.UpResult) string {
	switch {
	case r.GrafanaURL != "" && len(people.SignIn(r.Members)) == 0:
		return t.Users("add", r.Outputs["ManagedGrafanaWorkspaceId"]) + " YOUR-E-MAIL:admin   (parascope users find" + t.Elsewhere +
			" lists users)"
	case r.Outputs["AMPRemoteWritePolicyArn"] != "":
		return "create the cluster; its head node needs this policy to send metrics:\n  " + r.Outputs["AMPRemoteWritePolicyArn"] +
			"\n  " + t.Command("status") + " shows who sends"
	}
	return "create the cluster in this network; " + t.Command("up") + " --parameter MonitoringType=amp+amg adds the monitoring"
}
