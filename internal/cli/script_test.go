package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parascope/parascope/internal/artifact"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Scripts wait for programs most of the time: more of them at once than processors.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// buildPrograms builds all programs into a folder: scripts run them hundreds of times, and
// each begins faster than a test that has all of them in it.
func buildPrograms(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	args := []string{"build", "-buildvcs=false", "-o", folder + string(filepath.Separator)}
	for name := range programs {
		args = append(args, "../../cmd/"+name)
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return folder
}

// TestScripts runs testdata/script against the real program: one script or more
// for each command. UPDATE_SCRIPTS=1 rewrites what they expect.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestSoakScripts runs testdata/soak, which takes most of an hour of real time.
func TestSoakScripts(t *testing.T) {
	if os.Getenv("SOAK") == "" {
		t.Skip("SOAK is not set: make soak-alerts runs it")
	}
	runScripts(t, "testdata/soak")
}

func runScripts(t *testing.T, dir string) {
	folder := buildPrograms(t)
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			root, err := filepath.Abs("../..")
			env.Setenv("ROOT", root)
			env.Setenv("PATH", folder+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cloud":   startCloud,
			"signer":  startSigner,
			"session": account{t.Context()}.session,
			"await":   await,
			"running": running,
			"deny":    account{t.Context()}.deny,
			"nothing": account{t.Context()}.nothingLeft,
			"sample":  account{t.Context()}.sample,
			"signin":  account{t.Context()}.signIn,
		},
		Condition: condition,
	})
}

// condition is
//
//	[client:/path]  whether a program that we did not write is installed
//	[function]      whether this build carries the setup function
//
// Where CI is set the absence of either fails, since a skip there would hide that
// nothing was checked.
func condition(cond string) (bool, error) {
	var err error
	if path, ok := strings.CutPrefix(cond, "client:"); ok {
		_, err = exec.LookPath(path)
	} else if cond == "function" {
		_, err = artifact.LoadFunction(artifact.HostArchitecture())
	} else {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	if err != nil && os.Getenv("CI") != "" {
		return false, err
	}
	return err == nil, nil
}
