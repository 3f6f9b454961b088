package s3_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheRealCommands keeps a file of several parts in a bucket with the AWS CLI.
func TestTheRealCommands(t *testing.T) {
	const cli = "/usr/bin/aws"
	if _, err := os.Stat(cli); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the AWS CLI is not installed (apt-get install awscli): %v", err)
	}
	c := start(t, t.TempDir())
	dir := t.TempDir()
	body := bytes.Repeat([]byte("0123456789abcdef"), 9<<20/16)
	if err := os.WriteFile(filepath.Join(dir, "big.zip"), body, 0o600); err != nil {
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
	aws("make_bucket: code", "s3", "mb", "s3://code")
	aws("upload: ./big.zip", "s3", "cp", "--no-progress", "big.zip", "s3://code/a b/big+1.zip")
	aws("big+1.zip", "s3", "ls", "s3://code/a b/")
	aws(`"ETag": "\"`, "s3api", "head-object", "--bucket", "code", "--key", "a b/big+1.zip")
	aws("download: s3://code/a b/big+1.zip", "s3", "cp", "--no-progress", "s3://code/a b/big+1.zip", "back.zip")
	if back, err := os.ReadFile(filepath.Join(dir, "back.zip")); err != nil || !bytes.Equal(back, body) {
		t.Errorf("%d bytes came back, %v", len(back), err)
	}
	aws("delete: s3://code/a b/big+1.zip", "s3", "rb", "s3://code", "--force")
}
