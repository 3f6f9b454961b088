package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cluster/newcluster"
)

// TestParallelClusterTakesWhatAttachWrites asks ParallelCluster's own code. It runs where
// PARASCOPE_PCLUSTER_SOURCE names a PYTHONPATH with package pcluster and what its schema
// imports: cli/src of github.com/aws/aws-parallelcluster, and Debian's python3-marshmallow,
// -boto3, -requests, -yaml, -jinja2, -tabulate and -packaging. PARASCOPE_PYTHON names the
// interpreter (default: python3).
func TestParallelClusterTakesWhatAttachWrites(t *testing.T) {
	path := os.Getenv("PARASCOPE_PCLUSTER_SOURCE")
	if path == "" {
		t.Skip("PARASCOPE_PCLUSTER_SOURCE is not set: ParallelCluster's schema and update policies were not asked")
	}
	python := os.Getenv("PARASCOPE_PYTHON")
	if python == "" {
		python = "python3"
	}
	script, err := filepath.Abs(filepath.Join("testdata", "ask_parallelcluster.py"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ours := map[string][]Change{}
	args := []string{script}
	pair := func(name string, before []byte, after Patched) {
		ours[name] = after.Changes
		args = append(args, name)
		for side, b := range map[string][]byte{"before": before, "after": after.Text} {
			if err := os.WriteFile(filepath.Join(dir, name+"."+side+".yaml"), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, in := range configurations(t) {
		if name == "template" { // CloudFormation's functions are CloudFormation's to resolve
			continue
		}
		for suffix, want := range map[string]Want{"new": newCluster, "running": running} {
			attached, err := Attach(name, in, want)
			if err != nil {
				t.Fatal(err)
			}
			detached, err := Detach(name, attached.Text, Without{Running: true, Part: Scripts})
			if err != nil {
				t.Fatal(err)
			}
			pair(name+"_attach_"+suffix, in, attached)
			pair(name+"_detach_"+suffix, attached.Text, detached)
		}
	}
	n := newcluster.Cluster{Name: "hpc", OS: "alinux2023", HeadType: "m7i.xlarge", KeyName: "key",
		Queues: []newcluster.Queue{{Name: "gpu", InstanceType: "p5.48xlarge", Max: 4, EFA: true}}}
	made, _, err := Configuration(n, testSource)
	if err != nil {
		t.Fatal(err)
	}
	pair("made", made, Patched{Text: made})
	slices.Sort(args[1:])
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "PYTHONPATH="+path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		compareWithParallelCluster(t, line, ours)
	}
}

// compareWithParallelCluster compares one answer with our changes.
func compareWithParallelCluster(t *testing.T, line string, ours map[string][]Change) {
	var answer struct {
		Name    string
		Errors  map[string]string
		Changes []struct{ Path, Key, Policy string }
	}
	if err := json.Unmarshal([]byte(line), &answer); err != nil {
		t.Fatal(err)
	}
	t.Run(answer.Name, func(t *testing.T) {
		for side, err := range answer.Errors {
			t.Errorf("%s: %s", side, err)
		}
		theirs := map[string]UpdatePolicy{}
		for _, c := range answer.Changes {
			theirs[shortPath(c.Path+"/"+c.Key)] = UpdatePolicy(c.Policy)
		}
		expect := map[string]UpdatePolicy{}
		for _, c := range ours[answer.Name] {
			if c.Unseen { // ParallelCluster does not look into a Sequence that was one before
				continue
			}
			path := shortPath(c.Path)
			if section, _, _ := strings.Cut(path, "/On"); theirs[section] != "" {
				path = section // the queue had no CustomActions
			}
			expect[path] = c.Policy
		}
		if diff := cmp.Diff(expect, theirs); diff != "" {
			t.Errorf("update policies (-ours +ParallelCluster's):\n%s", diff)
		}
	})
}

// shortPath is a place with its hook, or with Iam: ParallelCluster names the deepest
// section that both configurations have.
func shortPath(path string) string {
	for _, hook := range hooks {
		if i := strings.Index(path, "/"+hook); i >= 0 {
			return path[:i] + "/" + hook
		}
	}
	if place, _, ok := strings.Cut(path, "/Iam"); ok {
		return place + "/Iam"
	}
	return strings.TrimSuffix(path, "/QueueUpdateStrategy")
}
