package cli_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/stack"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"parascope": func() { os.Exit(cli.Main(cli.System())) },
	})
}

// TestScripts runs testdata/script against the real program: one script or more
// for each command. UPDATE_SCRIPTS=1 rewrites what they expect.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cloud":   startCloud,
			"signer":  startSigner,
			"await":   await,
			"running": running,
			"deny":    account{t.Context()}.deny,
			"nothing": account{t.Context()}.nothingLeft,
		},
		Condition: condition,
	})
}

// condition knows [client:/path]: whether a program that we did not write is
// installed, and [function]: whether the setup function was built, by "make
// function", and is in the program. Where CI is set their absence fails, since a
// skip there would hide that nothing was checked.
func condition(cond string) (bool, error) {
	if cond == "function" {
		_, err := stack.LoadFunction(stack.HostArchitecture())
		if err != nil && os.Getenv("CI") != "" {
			return false, err
		}
		return err == nil, nil
	}
	path, ok := strings.CutPrefix(cond, "client:")
	if !ok {
		return false, &exec.Error{Name: cond, Err: exec.ErrNotFound}
	}
	if _, err := exec.LookPath(path); err != nil {
		if os.Getenv("CI") != "" {
			return false, err
		}
		return false, nil
	}
	return true, nil
}
