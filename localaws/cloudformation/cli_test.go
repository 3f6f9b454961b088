package cloudformation_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestTheRealCommands makes, changes and deletes stacks with the AWS CLI.
func TestTheRealCommands(t *testing.T) {
	const cli = "/usr/bin/aws"
	if _, err := os.Stat(cli); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the AWS CLI is not installed (apt-get install awscli): %v", err)
	}
	c := start(t, parts{})
	dir := t.TempDir()
	check.OK(t, os.WriteFile(filepath.Join(dir, "changing.yaml"), []byte(changing), 0o600))
	run := func(args string) (string, error) {
		fields := strings.Fields(args)
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", c.url, "--region", "us-east-2", "--output", "text"},
			fields...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+c.key.ID, "AWS_SECRET_ACCESS_KEY="+c.key.Secret)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	says := func(want, args string) {
		t.Helper()
		if out, err := run(args); err != nil || !strings.Contains(out, want) {
			t.Fatalf("aws %s: %v\n%s", args, err, out)
		}
	}
	says("stack/typed/", "cloudformation create-stack --stack-name typed --template-body file://changing.yaml --parameters "+
		"ParameterKey=Alias,ParameterValue=typed --capabilities CAPABILITY_NAMED_IAM")
	says("", "cloudformation wait stack-create-complete --stack-name typed")
	says("Resource creation Initiated", "cloudformation describe-stack-events --stack-name typed")
	says("ws-", "cloudformation describe-stacks --stack-name typed --query Stacks[0].Outputs[?OutputKey==`Id`].OutputValue")
	says("", "cloudformation delete-stack --stack-name typed")
	says("", "cloudformation wait stack-delete-complete --stack-name typed")

	// deploy itself would wait half a minute for a stack that takes a blink.
	says("Changeset created successfully", "cloudformation deploy --stack-name deployed --template-file changing.yaml --parameter-overrides "+
		"Alias=one --no-execute-changeset")
	set, err := run("cloudformation list-change-sets --stack-name deployed --query Summaries[0].ChangeSetName")
	check.OK(t, err)
	says("", "cloudformation execute-change-set --stack-name deployed --change-set-name "+set)
	says("", "cloudformation wait stack-create-complete --stack-name deployed")
	says("No changes to deploy. Stack deployed is up to date", "cloudformation deploy --stack-name deployed --template-file changing.yaml")
	says("DELETE_COMPLETE", "cloudformation list-stacks")
	if out, err := run("cloudformation describe-stacks --stack-name typed"); err == nil ||
		!strings.Contains(
			out, "An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id typed does not exist") {
		t.Errorf("%v: %s", err, out)
	}
}
