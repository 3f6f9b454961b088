package artifact_test

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

// account is a local cloud with its operator, who may do everything, and the
// deployer, who may do what docs/iam says.
type account struct {
	cloud              *localtest.Cloud
	operator, deployer aws.Config
}

func start(t *testing.T, o localaws.Options) *account {
	t.Helper()
	o.Users = []localaws.User{{Name: "deployer", Policy: parascope.DeployerPolicy, Further: []string{parascope.DeployerAlertsPolicy}}}
	cloud := localtest.Start(t, o)
	return &account{cloud: cloud, operator: cloud.Operator(), deployer: cloud.As("deployer")}
}

// needFunction skips where the program was built without the setup function.
func needFunction(t *testing.T) {
	t.Helper()
	_, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("%v: 'make function' builds it", err)
	}
	check.OK(t, err)
}

// pack packages the function as the deployer.
func (a *account) pack(t *testing.T, o artifact.PackageOptions) (artifact.Packaged, error) {
	t.Helper()
	o.Architecture = artifact.HostArchitecture()
	return artifact.Package(t.Context(), a.deployer, o, func(string) {})
}

// says expects an error with this exit code, in whose text and next step all of
// this stands.
func says(t *testing.T, err error, code hint.Code, texts ...string) {
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
