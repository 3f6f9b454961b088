package viewer_test

import (
	"os"
	"os/exec"
	"testing"
)

// lacking skips a test for want of something, or fails it where all is expected.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// TestTypeScript checks the types of the program in the browser, and runs the tests
// of those of its modules that need no browser.
func TestTypeScript(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		lacking(t, "there is no npm (Debian's package of that name)")
	}
	if _, err := os.Stat("web/node_modules"); err != nil {
		lacking(t, "the modules of the pages are not installed (make build)")
	}
	for _, script := range []string{"check", "test"} {
		cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", script)
		cmd.Dir = "web"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("npm run %s: %v\n%s", script, err, out)
		}
	}
}
