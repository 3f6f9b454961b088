package stack_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
)

const stackName = "pcluster-infra"

// account is a local cloud with its operator, who may do everything, and the
// deployer, who may do what docs/iam says.
type account struct {
	cloud              *localaws.Cloud
	operator, deployer aws.Config
}

func start(t *testing.T, o localaws.Options) *account {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	policy, err := os.ReadFile("../../docs/iam/deployer-policy.json")
	must(t, err)
	o.DataDir, o.Listen, o.Users = t.TempDir(), "127.0.0.1:0", []localaws.User{{Name: "deployer", Policy: string(policy)}}
	cloud, err := localaws.New(o)
	must(t, err)
	must(t, cloud.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := cloud.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	profile := func(name string) aws.Config {
		keys := filepath.Join(o.DataDir, "aws")
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigProfile(name), config.WithRetryMaxAttempts(3), config.WithBaseEndpoint(cloud.URL()),
			config.WithSharedCredentialsFiles([]string{filepath.Join(keys, "credentials")}), config.WithSharedConfigFiles([]string{filepath.Join(keys, "config")}))
		must(t, err)
		return cfg
	}
	return &account{cloud: cloud, operator: profile("operator"), deployer: profile("deployer")}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needFunction skips where the program was built without the setup function.
func needFunction(t *testing.T) {
	t.Helper()
	_, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("%v: 'make function' builds it", err)
	}
	must(t, err)
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
