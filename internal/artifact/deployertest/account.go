// Package deployertest gives tests a local cloud with the deployer of docs/iam, as whom
// they upload the setup function and deploy the stack.
package deployertest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// Account is a local cloud with the SDK's configurations of an administrator and of a
// user with the deployer's policies of docs/iam.
type Account struct {
	Cloud              *localtest.Cloud
	Operator, Deployer aws.Config
}

// Start starts the cloud of an account, with the deployer as its only further user.
func Start(t testing.TB, o localaws.Options) *Account {
	t.Helper()
	o.Users = []localaws.User{{Name: "deployer", Policy: parascope.DeployerPolicy, Further: []string{parascope.DeployerAlertsPolicy}}}
	cloud := localtest.Start(t, o)
	return &Account{Cloud: cloud, Operator: cloud.Operator(), Deployer: cloud.As("deployer")}
}

// NeedFunction skips a test where the setup function was not built, but for CI.
func NeedFunction(t testing.TB) {
	t.Helper()
	_, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("%v: 'make function' builds it", err)
	}
	check.OK(t, err)
}

// Package packages the function for this machine's architecture, as the deployer.
func (a *Account) Package(t testing.TB, o artifact.PackageOptions) (artifact.Packaged, error) {
	t.Helper()
	o.Architecture = artifact.HostArchitecture()
	return artifact.Package(t.Context(), a.Deployer, o, func(string) {})
}

// CheckError expects an error with this exit code, in whose text and next step all of
// this stands.
func CheckError(t testing.TB, err error, code hint.Code, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", texts)
	}
	if got := hint.CodeOf(err); got != code {
		t.Errorf("exit code %v, want %v: %v", got, code, err)
	}
	for _, text := range texts {
		if all := errors.Join(err, errors.New(hint.Next(err))).Error(); !strings.Contains(all, text) {
			t.Errorf("%s\ndoes not say %q", all, text)
		}
	}
}
