package cluster

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	testScript   = "s3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh"
	remoteWrite  = "arn:aws:iam::111122223333:policy/parallelcluster/pcluster-infra-RemoteWritePolicy-1A2B3C4D5E6F"
	nodePolicy   = "arn:aws:iam::111122223333:policy/parallelcluster/pcluster-infra-NodePolicy-6F5E4D3C2B1A"
	configurator = "cluster-config.yaml"
)

// newCluster is what a cluster gets that does not exist yet.
var newCluster = Want{
	Script: testScript, HeadPolicies: []string{remoteWrite, nodePolicy}, NodePolicies: []string{nodePolicy}, Part: All,
	Hooks: map[Kind]string{Head: OnNodeConfigured, Login: OnNodeConfigured, Queue: OnNodeConfigured},
}

// running is what a cluster gets that exists.
var running = Want{
	Script: testScript, HeadPolicies: []string{remoteWrite, nodePolicy}, NodePolicies: []string{nodePolicy}, Part: All, Drain: true,
	Hooks: map[Kind]string{Head: OnNodeUpdated, Login: OnNodeUpdated, Queue: OnNodeConfigured},
}

// configurations are the golden files' inputs.
func configurations(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "attach", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		if strings.Contains(filepath.Base(f), ".attached") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".yaml")] = b
	}
	if len(all) < 12 {
		t.Fatalf("%d configurations; at least 12", len(all))
	}
	return all
}

func TestAttachGolden(t *testing.T) {
	for name, in := range configurations(t) {
		for suffix, want := range map[string]Want{"attached": newCluster, "attached_running": running} {
			t.Run(name+"/"+suffix, func(t *testing.T) {
				got, err := Attach(configurator, in, want)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", "attach", name+"."+suffix+".yaml"), got.Text)

				again, err := Attach(configurator, got.Text, want)
				if err != nil {
					t.Fatal(err)
				}
				if len(again.Changes) != 0 || !bytes.Equal(again.Text, got.Text) {
					t.Errorf("a second run changes %v:\n%s", again.Changes, cmp.Diff(string(got.Text), string(again.Text)))
				}
			})
		}
	}
}

// TestDetachRestores: what attach inserted goes to the byte. The file that had parts of
// ours before is the exception.
func TestDetachRestores(t *testing.T) {
	for name, in := range configurations(t) {
		for suffix, want := range map[string]Want{"attached": newCluster, "attached_running": running} {
			t.Run(name+"/"+suffix, func(t *testing.T) {
				if name == "attached_by_hand" {
					t.Skip("it has a script of ours before attach, which detach takes out")
				}
				attached, err := Attach(configurator, in, want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Detach(configurator, attached.Text, Without{Part: All})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(in), string(got.Text)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
