package staging

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/install"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const awsCLI = "/usr/bin/aws"

// TestANodeInstallsWithTheAWSCLI: what is staged in the cloud's bucket is what the script,
// with the real AWS CLI, installs; and an upgrade reaches it.
func TestANodeInstallsWithTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath(awsCLI); err != nil {
		t.Skip("Debian's awscli is not installed")
	}
	cloud := localtest.Start(t, localaws.Options{})
	cfg := cloud.Operator()
	keys, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root, bin := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"aws":       "#!/bin/sh\nexec " + awsCLI + " --endpoint-url " + cloud.URL() + " \"$@\"\n",
		"systemctl": "#!/bin/sh\n", "curl": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	stage := Stage{Stack: testStack}
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		stage.Version, stage.Programs = version, nil
		for _, architecture := range artifact.NodeArchitectures() {
			stage.Programs = append(stage.Programs, artifact.Program{Name: "parascope-node", Architecture: architecture, Packed: zipped(t, version)})
		}
		stage.Move = (*install.Manifest).Upgrade
		done, err := stage.Put(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(bin, "install.sh")
		script := objectAt(t, s3.NewFromConfig(cfg), done.Bucket, cluster.ScriptKey(testStack))
		if err := os.WriteFile(file, script, 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
		for _, args := range [][]string{{file}, {file, "--once"}} {
			cmd := exec.CommandContext(t.Context(), "/bin/sh", args...)
			cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "PARASCOPE_ROOT=" + root, "PARASCOPE_QUICK=60", "HOME=" + root,
				"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
		}
		got, err := os.ReadFile(filepath.Join(root, "opt/parascope/current/bin/parascope-node"))
		if err != nil || string(got) != version {
			t.Errorf("%q is installed, %v", got, err)
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAnUpgradeLeavesConfigurations: of whatever kind they are, to the byte.
func TestAnUpgradeLeavesConfigurations(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	files, err := filepath.Glob("../testdata/attach/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, ".attached") })
	attached := map[string][]byte{}
	for _, version := range []string{"v1.0.0", "v2.0.0"} {
		done, err := Stage{Stack: testStack, Version: version, Move: (*install.Manifest).Upgrade}.Put(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, again := attached[f]
			if !again {
				if text, err = os.ReadFile(f); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := cluster.PlanAttach(cluster.Request{File: filepath.Base(f), Text: text},
				cluster.Source{Region: "us-east-2", Script: done.Script, NodePolicies: []string{
					"arn:aws:iam::111122223333:policy/parallelcluster/pcluster-infra-NodePolicy-1A2B3C4D5E6F"}})
			if err != nil {
				t.Errorf("%s: %v", f, err)
				continue
			}
			if again {
				if diff := cmp.Diff(string(text), string(plan.Text)); diff != "" {
					t.Errorf("after the upgrade %s is another: %s", f, diff)
				}
			}
			attached[f] = plan.Text
		}
	}
	if len(attached) < 12 {
		t.Errorf("%d configurations", len(attached))
	}
}
