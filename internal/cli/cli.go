// Package cli is the frame that every program of the module has in common: its
// process, its root command, signals, and errors as exit codes. The commands are in
// the packages below it, one package for each program and one file for each command;
// each package has the literal list of its commands. A command parses its flags,
// calls the package that does the work and prints what that returns.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// Process is the world a command runs in, so that tests can give another one.
type Process struct {
	Name   string   // of the program, as its caller typed it
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer // data
	Stderr io.Writer // talk
	Getenv func(string) string
}

// System is the operating system's process.
func System() *Process {
	return &Process{Name: os.Args[0], Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
}

// Program makes a program's root command, with all its commands below it.
type Program func(*Process) *cobra.Command

// exitInterrupted is what a shell reports for a process ended by SIGINT.
const exitInterrupted = 130

// Main runs one command of the program and returns the exit code. The first SIGINT
// or SIGTERM cancels the command's context; a second one does not wait for the command.
//
// The second is caught like the first, and not left to its default action: to do
// nothing is the default of what a shell without job control runs in the background.
func Main(p *Process, program Program) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	code := make(chan int, 1)
	go func() { code <- run(ctx, p, program) }()
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
func run(ctx context.Context, p *Process, program Program) int {
	root := NewRoot(p, program)
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	return report(p, root.ExecuteContext(ctx))
}

// CalledAs is how a person called the program named: "parascope head" where
// parascope runs parascope-head for them, else the program's own name.
func (p *Process) CalledAs(program string) string {
	if spoken := strings.Replace(program, "-", " ", 1); filepath.Base(p.Name) == spoken {
		return spoken
	}
	return program
}

// NewRoot returns the program's root command as Main runs it: errors are reported
// by Main, and a wrong flag or argument is a usage error.
func NewRoot(p *Process, program Program) *cobra.Command {
	root := program(p)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = ReadBuild().String()
	if called := p.CalledAs(root.Name()); called != root.Name() {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: called}
	}
	root.SetFlagErrorFunc(ExplainFlag)
	markUsageErrors(root)
	return root
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
	if declined, ok := errors.AsType[*hint.Declined](err); ok && hint.CodeOf(err) == 0 {
		fmt.Fprintf(p.Stderr, "%s\n", term.CleanLines(declined.What))
		printNext(p, declined.Next)
		return 0
	}
	fmt.Fprintf(p.Stderr, "%s %s\n", term.Style(p.Stderr, p.Getenv).Bad("Error:"), term.CleanLines(err.Error()))
	printNext(p, hint.Next(err))
	return exitCode(err)
}

// printNext prints the next step, where there is one.
func printNext(p *Process, next string) {
	if next != "" {
		fmt.Fprintf(p.Stderr, "%s %s\n", term.Style(p.Stderr, p.Getenv).Faint("Try:"), term.CleanLines(next))
	}
}

// exitCode stands for err in the process' exit, and in what programs read.
func exitCode(err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	return int(hint.CodeOf(err))
}

// ReportFailure gives programs that read events err as the last of them, and returns it.
// A question that was answered with no is such an event too, with code 0.
func (p *Process) ReportFailure(asJSON bool, err error) error {
	if err == nil || !asJSON {
		return err
	}
	kind := "error"
	if _, declined := errors.AsType[*hint.Declined](err); declined && exitCode(err) == 0 {
		kind = "declined"
	}
	last := struct {
		Event string `json:"event"`
		Code  int    `json:"code"` // as the process' exit code
		Error string `json:"error"`
		Next  string `json:"next"`
	}{kind, exitCode(err), err.Error(), hint.Next(err)}
	if failed := p.PrintJSONLine(last); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// PrintJSONLine prints v on one line of standard output. A reader that closed the
// pipe is no failure of what was done.
func (p *Process) PrintJSONLine(v any) error {
	err := json.NewEncoder(p.Stdout).Encode(v)
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// PrintJSON prints v for machines, over several lines.
func (p *Process) PrintJSON(v any) error {
	e := json.NewEncoder(p.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// ShellQuote quotes s as one word of a POSIX shell.
func ShellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

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
				return hint.New(hint.Usage, explainArgs(cmd, args, err), next)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markUsageErrors(sub)
	}
}
