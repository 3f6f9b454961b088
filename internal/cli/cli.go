// Package cli is the command line: one file per command, one literal list of
// them (commands.go). A command parses its flags, calls the package that does
// the work and prints what that returns; it decides nothing itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// Process is the world a command runs in, so that tests can give another one.
type Process struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer // data
	Stderr io.Writer // talk
	Getenv func(string) string
}

// System is the operating system's process.
func System() *Process {
	return &Process{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
}

// exitInterrupted is what a shell reports for a process ended by SIGINT.
const exitInterrupted = 130

// Main runs one command and returns the exit code. The first SIGINT or SIGTERM
// cancels the command's context; a second one does not wait for the command.
//
// The second is caught like the first, and not left to its default action: to do
// nothing is the default of what a shell without job control runs in the background.
func Main(p *Process) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	code := make(chan int, 1)
	go func() { code <- run(ctx, p) }()
	for range 2 {
		select {
		case c := <-code:
			return c
		case <-signals:
			cancel()
		}
	}
	return exitInterrupted
}

// run is the command, from its arguments to its exit code.
func run(ctx context.Context, p *Process) int {
	root := newRoot(p)
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	return report(p, root.ExecuteContext(ctx))
}

// report prints err for a person and returns the exit code that stands for it.
func report(p *Process, err error) int {
	interrupted := errors.Is(err, context.Canceled)
	switch {
	case err == nil:
		return 0
	case interrupted && hint.Next(err) == "":
		return exitInterrupted // the person knows, and nothing goes on without them
	}
	fmt.Fprintf(p.Stderr, "%s %s\n", term.Style(p.Stderr, p.Getenv).Bad("Error:"), err)
	if next := hint.Next(err); next != "" {
		fmt.Fprintf(p.Stderr, "%s %s\n", term.Style(p.Stderr, p.Getenv).Faint("Try:"), next)
	}
	return exitCode(err)
}

// exitCode stands for err in the process' exit, and in what programs read.
func exitCode(err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	return int(hint.CodeOf(err))
}

// tellFailure gives programs that read events err as the last of them, and returns it.
func (p *Process) tellFailure(asJSON bool, err error) error {
	if err == nil || !asJSON {
		return err
	}
	last := struct {
		Event string `json:"event"`
		Code  int    `json:"code"` // as the process' exit code
		Error string `json:"error"`
		Next  string `json:"next"`
	}{"error", exitCode(err), err.Error(), hint.Next(err)}
	return errors.Join(err, printJSONLine(p, last))
}

func newRoot(p *Process) *cobra.Command {
	root := &cobra.Command{
		Use:   "parascope",
		Short: "Complete managed monitoring for an AWS ParallelCluster",
		Long: `parascope gives an AWS ParallelCluster (Slurm, GPUs) complete managed monitoring
with Amazon Managed Prometheus and Amazon Managed Grafana, and runs the same
thing on one machine without AWS.

  parascope local      start here: everything on this machine, with its own metrics
  parascope up         the same in your AWS account: Prometheus, Grafana, connected
  parascope query up   ask the workspace in PromQL`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint.New(hint.Usage, err, "see '"+cmd.CommandPath()+" --help'")
	})
	root.AddCommand(commands(p)...)
	markUsageErrors(root)
	return root
}

// markUsageErrors gives every complaint about arguments the exit code for usage, and
// names the commands that are spelled like one that there is not.
func markUsageErrors(c *cobra.Command) {
	c.SuggestionsMinimumDistance = 2 // as cobra has it where it suggests by itself
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				next := "see '" + cmd.CommandPath() + " --help'"
				if len(args) > 0 && cmd.HasSubCommands() {
					for _, name := range cmd.SuggestionsFor(args[0]) {
						next = "'" + cmd.CommandPath() + " " + name + "', or " + next
					}
				}
				return hint.New(hint.Usage, err, next)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markUsageErrors(sub)
	}
}
