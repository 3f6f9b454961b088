package parascope

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cli/progress"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/term"
)

// usersOptions are the flags that all users commands share.
type usersOptions struct {
	aws       awsconf.Options
	workspace string
	json      bool
	yes       bool
}

func newUsers(p *cli.Process) *cobra.Command {
	o := &usersOptions{}
	c := &cobra.Command{
		Use:   "users",
		Short: "Manage who can use Grafana: by e-mail, user name or group",
		Long: `Manage who can use the Grafana workspace. Users are given by e-mail, user name, or
group:NAME of IAM Identity Center. Each user has one role: admin (all), editor (create
and change dashboards) or viewer (read).

Every change is verified: a change that Grafana accepts but does not apply is an
error. Lowering a role that the command does not name, and removing the last admin,
ask for confirmation; --yes confirms.`,
		Example: `  parascope users add alice@example.com:admin bob@example.com
  parascope users list
  parascope users apply -f users.yaml --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := c.PersistentFlags()
	f.StringVar(&o.workspace, "workspace", p.Getenv("PARASCOPE_GRAFANA_WORKSPACE"),
		"`ID|NAME` of the Grafana workspace (environment: PARASCOPE_GRAFANA_WORKSPACE)")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before lowering a role or removing the last admin")
	flags.AddAWS(f, &o.aws)
	flags.Complete(c, "workspace", grafanaWorkspaces(&o.aws))
	c.AddCommand(newUsersList(p, o), newUsersAdd(p, o), newUsersRemove(p, o), newUsersApply(p, o), newUsersFind(p, o))
	return c
}

func (o *usersOptions) open(ctx context.Context) (*people.Team, error) {
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return nil, err
	}
	return people.Open(ctx, cfg, o.workspace)
}

func newUsersList(p *cli.Process, o *usersOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the users of the workspace and their roles",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			team, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			members, err := team.Members(cmd.Context())
			if err != nil {
				return err
			}
			if o.json {
				return p.PrintJSON(members)
			}
			if len(members) == 0 {
				_ = term.Printf(p.Stderr, "No user has a role in Grafana workspace %s yet: parascope users add WHO:ROLE\n", team.Workspace.ID)
				return nil
			}
			defer warnOfMembers(p, members)
			rows := [][]string{{"ROLE", "WHO", "KIND", "ID"}}
			for _, m := range members {
				rows = append(rows, []string{strings.ToLower(string(m.Role)), m.Principal.String(), string(m.Kind), m.ID})
			}
			return printRows(p, rows)
		},
	}
}

// warnOfMembers says what is wrong with a list of people.
func warnOfMembers(p *cli.Process, members []people.Member) {
	for _, m := range members {
		if m.Gone {
			_ = term.Printf(p.Stderr, "%s was deleted from Identity Center and still has a role: 'parascope users remove %s' removes it\n",
				m.ID, m.ID)
		}
	}
	if !people.HasAdmin(members) {
		_ = term.Printf(p.Stderr, "Warning: %s: 'parascope users add WHO:admin'\n", deploy.NoAdmin)
	}
}

func newUsersFind(p *cli.Process, o *usersOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "find [PART]",
		Short: "List the users and groups of Identity Center",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := awsconf.Load(cmd.Context(), o.aws)
			if err != nil {
				return err
			}
			directory, err := identity.Open(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			found, err := directory.List(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			if len(found) == 0 && len(args) > 0 {
				err = hint.New(hint.NotFound,
					fmt.Errorf("no user of IAM Identity Center in %s has %q in their name or e-mail", directory.Region, args[0]),
					"'parascope users find' lists the users and groups")
			}
			if o.json {
				return errors.Join(err, p.PrintJSON(found))
			}
			if err != nil {
				return err
			}
			rows := [][]string{{"WHO", "KIND", "NAME", "ID"}}
			for _, f := range found {
				rows = append(rows, []string{f.String(), string(f.Kind), f.Name, f.ID})
			}
			return printRows(p, rows)
		},
	}
}

func newUsersAdd(p *cli.Process, o *usersOptions) *cobra.Command {
	role := "viewer"
	c := &cobra.Command{
		Use:   "add WHO[:ROLE] …",
		Short: "Give users a role, or change their role",
		Example: `  parascope users add alice@example.com:admin
  parascope users add bob carol@example.com --role editor
  parascope users add group:platform-team:editor`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var wants []people.Want
			for _, arg := range args {
				who, name := arg, role
				if i := strings.LastIndex(arg, ":"); i >= 0 && !isKind(arg[:i]) {
					who, name = arg[:i], arg[i+1:]
				}
				r, err := amg.ParseRole(name)
				if err != nil {
					return err
				}
				implied := who == arg && !cmd.Flags().Changed("role")
				wants = append(wants, people.Want{Who: who, Role: r, Implied: implied})
			}
			return o.change(cmd.Context(), p, wants, false, false)
		},
	}
	c.Flags().StringVar(&role, "role", role, "`ROLE` for users that are given without a role: admin, editor or viewer")
	flags.Complete(c, "role", roleNames)
	flags.CompleteArgs(c, wants(&o.aws))
	return c
}

// isKind reports whether what stands before a colon says what the name behind it is.
func isKind(s string) bool { return s == string(identity.User) || s == string(identity.Group) }

func newUsersRemove(p *cli.Process, o *usersOptions) *cobra.Command {
	c := &cobra.Command{
		Use:     "remove WHO …",
		Aliases: []string{"rm"},
		Short:   "Remove users from Grafana",
		Example: `  parascope users remove bob@example.com`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var wants []people.Want
			for _, who := range args {
				wants = append(wants, people.Want{Who: who})
			}
			return o.change(cmd.Context(), p, wants, false, false)
		},
	}
	flags.CompleteArgs(c, members(o))
	return c
}

func newUsersApply(p *cli.Process, o *usersOptions) *cobra.Command {
	var file string
	var dryRun, allowEmpty bool
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Apply the users and roles of a file",
		Long: `Apply the users and roles of a file. A user who is not in the file loses the
role; --dry-run shows what would change. The file lists names under each role:

  admin:
    - alice@example.com
  editor:
    - group:platform-team
  viewer:
    - carol@example.com`,
		Example: `  parascope users apply -f users.yaml --dry-run
  parascope users apply -f users.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return hint.New(hint.Usage, fmt.Errorf("no file"), "give -f users.yaml")
			}
			content, name, err := readUsers(cmd.Context(), p, file)
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if err != nil {
				return hint.New(hint.BadInput, fmt.Errorf("could not read users: %w", err), "give -f FILE, or -f - for standard input")
			}
			wants, err := people.ReadFile(name, content)
			if err != nil {
				return err
			}
			if len(wants) == 0 && !allowEmpty {
				return hint.New(hint.BadInput, fmt.Errorf("%s lists no user: all users would lose their role", name),
					"add users to the file, or use --allow-empty to remove all roles")
			}
			return o.change(cmd.Context(), p, wants, true, dryRun)
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "file", "f", "", "`FILE` with names under admin, editor and viewer; - for standard input")
	f.BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	f.BoolVar(&allowEmpty, "allow-empty", false, "allow a file without users, which removes all roles")
	return c
}

// maxUsers bounds what is read, in bytes: no workspace has so many.
const maxUsers = 4 << 20

// readUsers reads the file, and what errors call it.
func readUsers(ctx context.Context, p *cli.Process, file string) (content []byte, name string, err error) {
	if file == "-" {
		name = "standard input"
		content, err = outfile.ReadFrom(ctx, p.Stdin, maxUsers+1)
	} else {
		name = file
		content, err = outfile.Read(ctx, file, maxUsers+1)
	}
	if err == nil && len(content) > maxUsers {
		err = fmt.Errorf("%s has more than %d bytes", name, maxUsers)
	}
	return content, name, err
}

// change plans, and unless it is a dry run applies, what is wanted.
func (o *usersOptions) change(ctx context.Context, p *cli.Process, wants []people.Want, all, dryRun bool) error {
	team, err := o.open(ctx)
	if err != nil {
		return err
	}
	steps, err := team.Plan(ctx, wants, all)
	if err != nil {
		return err
	}
	results := []people.Result{}
	if dryRun {
		for _, s := range steps {
			results = append(results, people.Result{Step: s})
		}
	}
	if err := o.agree(ctx, p, team, steps, dryRun); err != nil {
		return err
	}
	if !dryRun {
		if results, err = team.Apply(ctx, steps); err != nil {
			return err
		}
	}
	if o.json {
		if err := p.PrintJSON(results); err != nil {
			return err
		}
	} else {
		printPeople(p, results, dryRun)
	}
	failed := 0
	for _, r := range results {
		if r.Why != "" {
			failed++
		}
	}
	if failed > 0 {
		return hint.New(hint.Failure, fmt.Errorf("%d of %d changes failed", failed, len(results)),
			"the reasons are above; 'parascope users list' shows the current roles")
	}
	return nil
}

// agree asks before a role that nobody named lowers somebody, and before the last admin
// loses theirs. A dry run says so and asks nothing.
func (o *usersOptions) agree(ctx context.Context, p *cli.Process, team *people.Team, steps []people.Step, dryRun bool) error {
	var questions []string
	for _, s := range steps {
		if s.Implied && s.Lowers() {
			questions = append(questions, fmt.Sprintf("%s: %s, and the command did not name a role (give WHO:ROLE or --role).", s.Who,
				progress.DescribeStep(s)))
		}
	}
	last, err := team.TakesLastAdmin(ctx, steps)
	if err != nil {
		return err
	}
	if last {
		questions = append(questions, "The last admin loses the admin role; after the change, "+deploy.NoAdmin+".")
	}
	if len(questions) == 0 {
		return nil
	}
	if dryRun || o.yes {
		for _, q := range questions {
			_ = term.Printf(p.Stderr, "Warning: %s\n", q)
		}
		return nil
	}
	yes, err := p.Ask(ctx, strings.Join(append(questions, "Continue?"), "\n"))
	if err == nil && !yes {
		err = &hint.Declined{What: "no role was changed", Next: "--yes skips the question"}
	}
	return err
}

func printPeople(p *cli.Process, results []people.Result, dryRun bool) {
	style := term.Style(p.Stdout, p.Getenv)
	if len(results) == 0 {
		fmt.Fprintln(p.Stdout, "nothing to change")
		return
	}
	for _, r := range results {
		line := progress.DescribeResult(style, r)
		if dryRun {
			line = fmt.Sprintf("%s %s: %s", style.Faint("would"), r.Who, progress.DescribeStep(r.Step))
		}
		_ = term.Printf(p.Stdout, "%s\n", line)
	}
}

// printRows draws a table; the first row are its titles.
func printRows(p *cli.Process, rows [][]string) error {
	columns := make([]term.Column, len(rows[0]))
	for i, title := range rows[0] {
		columns[i].Title = title
	}
	return term.Table(p.Stdout, term.Style(p.Stdout, p.Getenv), columns, rows[1:])
}
