package lambda_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheRealCommands makes and runs a function with the AWS CLI.
func TestTheRealCommands(t *testing.T) {
	const cli = "/usr/bin/aws"
	if _, err := os.Stat(cli); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the AWS CLI is not installed (apt-get install awscli): %v", err)
	}
	c := start(t, t.TempDir(), nil)
	dir := t.TempDir()
	code, err := handler()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f.zip"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	aws := func(says string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", c.URL(), "--region", "us-east-2"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+c.Key.ID, "AWS_SECRET_ACCESS_KEY="+c.Key.Secret)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), says) {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	aws(`"State": "Active"`, "lambda", "create-function", "--function-name", "f", "--runtime", "provided.al2023", "--handler", "bootstrap",
		"--role", role, "--zip-file", "fileb://f.zip")
	aws(`"FunctionName": "f"`, "lambda", "list-functions")
	aws(`"StatusCode": 200`, "lambda", "invoke", "--function-name", "f", "output.json")
	if out, err := os.ReadFile(filepath.Join(dir, "output.json")); err != nil || decode(t, out).Event != "{}" {
		t.Errorf("%s, %v", out, err)
	}
	eventually(t, c, "/aws/lambda/f", "END RequestId: ")
	aws("END RequestId: ", "logs", "tail", "/aws/lambda/f", "--since", "1h")
}
