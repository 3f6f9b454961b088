package cli_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope"
	"github.com/parascope/parascope/internal/cli/parascopehead"
	"github.com/parascope/parascope/internal/cli/parascopelocal"
	"github.com/parascope/parascope/internal/cli/parascopenode"
)

var update = flag.Bool("update", false, "rewrite docs/commands")

// programs are all programs that a person calls.
var programs = map[string]cli.Program{
	"parascope": parascope.New, "parascope-node": parascopenode.New, "parascope-head": parascopehead.New,
	"parascope-local": parascopelocal.New,
}

// roots are the root commands of all programs.
func roots() (all []*cobra.Command) {
	for name, program := range programs {
		all = append(all, cli.NewRoot(&cli.Process{
			Name: name, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" },
		}, program))
	}
	return all
}

// TestCommandDocs keeps docs/commands what --help says, and every command with a
// sentence, an example where it takes arguments, and a script.
func TestCommandDocs(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "commands")
	want := map[string]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.DisableFlagParsing {
			return // another program, with a page of its own
		}
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".md"
		want[name] = "# " + c.CommandPath() + "\n\n```\n" + help.String() + "```\n"
		if c.Short == "" {
			t.Errorf("%s has no short description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, root := range roots() {
		walk(root)
	}

	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(f)] = string(b)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/commands differs from --help; run make gen (-want +got):\n%s", diff)
	}
}

// TestEveryCommandHasAScript: a script under testdata/script runs each command
// against the real program.
func TestEveryCommandHasAScript(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.DisableFlagParsing {
			return // another program
		}
		spoken := strings.Replace(c.CommandPath(), "parascope-", "parascope ", 1)
		if !strings.Contains(all.String(), "exec "+c.CommandPath()) && !strings.Contains(all.String(), "exec "+spoken) {
			t.Errorf("no script runs %q", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, root := range roots() {
		walk(root)
	}
}
