package parascope

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/progress"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/term"
)

type upOptions struct {
	on         stackFlags
	deploy     deploy.UpOptions
	parameters map[string]string
	users      []string
	yes        bool
	json       bool
}

func newUp(p *cli.Process) *cobra.Command {
	o := upOptions{}
	architecture := string(artifact.HostArchitecture())
	c := &cobra.Command{
		Use:   "up",
		Short: "Create or update the infrastructure stack: Prometheus, Grafana, connected",
		Long: `Create the infrastructure stack, or bring it to this version of parascope: a VPC, a
Prometheus workspace, a Grafana workspace, and the function that makes the one the
default data source of the other. It shows what CloudFormation does as it does it.

Running it again changes nothing, continues what was cut off, and clears what a
failed attempt left. Ctrl-C stops watching; AWS goes on, and 'parascope up' comes
back to it. It asks before anything that exists is replaced or removed, and where
you may not do all that it needs; docs/iam has the policy.`,
		Example: `  parascope up
  parascope up --user alice@example.com:admin --user bob@example.com:viewer
  parascope up --parameter PrimarySubnetAZ=us-east-2b --region us-east-2
  parascope up --parameter MonitoringType=amp-only`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.deploy.Package.Architecture = artifact.Architecture(architecture)
			o.deploy.Target = o.on.target(cmd)
			return p.ReportFailure(o.json, runUp(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	f.StringToStringVar(&o.parameters, "parameter", nil, "`NAME=VALUE` of a parameter of the template; may be repeated")
	f.StringArrayVar(&o.users, "user", nil, "`WHO:ROLE` to give a role: an e-mail, user name or group:NAME; admin, editor or viewer")
	f.StringVar(&o.deploy.Package.Bucket, "bucket", "",
		"`BUCKET` for the setup function (default: parascope-ACCOUNT-REGION, made when needed)")
	f.StringVar(&architecture, "architecture", architecture, "`arm64|x86_64`: of the setup function; AWS runs both (default: this machine's)")
	for _, name := range []string{"parameter", "architecture"} {
		f.Lookup(name).DefValue = "" // the text says it
	}
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask: replace and remove, and go on without permissions")
	f.BoolVar(&o.json, "json", false, "print events, and the result, as JSON lines")
	o.on.add(c)
	completeFlag(c, "user", wants(&o.on.aws))
	completeFlag(c, "parameter", parameters)
	return c
}

func runUp(ctx context.Context, p *cli.Process, o upOptions) error {
	var err error
	if o.deploy.People, err = readWants(o.users); err != nil {
		return err
	}
	o.deploy.Parameters = o.parameters
	cfg, err := awsconf.Load(ctx, o.on.aws)
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
			return nil, hint.New(hint.Usage, fmt.Errorf("--user %q names no role", u), "write it as alice@example.com:admin")
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
		drawn.Quiet(func() { yes, err = ask(ctx, p, question) })
		return yes, err
	}
}

// ask asks the person at the terminal; where there is none, nobody said yes. An
// interrupt is an answer too, though a read of the terminal cannot be cut off.
func ask(ctx context.Context, p *cli.Process, question string) (bool, error) {
	fmt.Fprintf(p.Stderr, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() {
		defer close(answers)
		if line, err := readLine(p.Stdin); err == nil {
			answers <- strings.ToLower(strings.TrimSpace(line))
		}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Stderr)
		return false, ctx.Err()
	case answer, there := <-answers:
		if !there {
			fmt.Fprintln(p.Stderr)
			return false, hint.New(hint.Usage, errors.New("nobody is there to ask"), "say --yes where no person is")
		}
		return answer == "y" || answer == "yes", nil
	}
}

// readLine reads to the end of a line and no further: what follows is the answer to
// the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		n, err := r.Read(one)
		switch {
		case n > 0 && one[0] == '\n':
			return string(line), nil
		case n > 0:
			line = append(line, one[0])
		case err != nil:
			return "", err
		}
	}
}

// printUp is what a newcomer reads when all is there.
func printUp(p *cli.Process, t deploy.Target, r deploy.UpResult) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(format string, args ...any) { fmt.Fprintf(p.Stdout, format+"\n", args...) }
	if r.GrafanaURL != "" {
		line("%s  %s", style.Bold("Grafana"), r.GrafanaURL)
		printMembers(p, r.Members)
		if len(r.Members) == 0 {
			line("  nobody may sign in yet")
		}
	}
	if len(r.Cost.Lines) > 0 {
		line("%s  %s a month before any metric is sent, by prices of %s:", style.Bold("Cost"), r.Cost.Words(), r.Region)
		for _, c := range r.Cost.Lines {
			line("  %8s  %s", c.Dollars, c.What)
		}
		if len(r.Cost.Unknown()) > 0 {
			line("  %s", cost.NextStep(r.Region))
		}
	}
	line("%s  %s", style.Bold("Next"), nextAfterUp(t, r))
}

// printMembers lists who may sign in as what.
func printMembers(p *cli.Process, members []people.Member) {
	for _, m := range members {
		fmt.Fprintf(p.Stdout, "  %-7s %s\n", strings.ToLower(string(m.Role)), m.Principal)
	}
}

// nextAfterUp is the one thing to do next.
func nextAfterUp(t deploy.Target, r deploy.UpResult) string {
	switch {
	case r.GrafanaURL != "" && len(r.Members) == 0:
		return t.Users("add", r.Outputs["ManagedGrafanaWorkspaceId"]) + " YOUR-E-MAIL:admin   (parascope users find" + t.Elsewhere +
			" lists who there is)"
	case r.Outputs["AMPRemoteWritePolicyArn"] != "":
		return "create the cluster; its head node sends with the policy\n  " + r.Outputs["AMPRemoteWritePolicyArn"] +
			"\n  " + t.Command("status") + " shows who sends"
	}
	return "create the cluster in this network; " + t.Command("up") + " --parameter MonitoringType=amp+amg adds the monitoring"
}
