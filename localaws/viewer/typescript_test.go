package viewer_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/parascope/parascope/localaws/localtest/browser"
)

// TestTypeScript checks the types of the program in the browser, and runs the tests
// of those of its modules that need no browser.
func TestTypeScript(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		browser.Lacking(t, "there is no npm (Debian's package of that name)")
	}
	if _, err := os.Stat("web/node_modules"); err != nil {
		browser.Lacking(t, "the modules of the pages are not installed (make build)")
	}
	for _, script := range []string{"check", "test"} {
		cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", script)
		cmd.Dir = "web"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("npm run %s: %v\n%s", script, err, out)
		}
	}
}
