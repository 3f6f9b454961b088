package cluster

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/hint"
)

// TestAttachAfterDetach: a running cluster whose nodes were told to remove the programs gets
// them again. Each configuration is attached, detached as far as the scripts, and attached.
func TestAttachAfterDetach(t *testing.T) {
	for name, in := range configurations(t) {
		t.Run(name, func(t *testing.T) {
			attached, err := Attach(configurator, in, running)
			if err != nil {
				t.Fatal(err)
			}
			detached, err := Detach(configurator, attached.Text, Without{Running: true, Part: Scripts})
			if err != nil {
				t.Fatal(err)
			}
			if name != "attached_by_hand" && !bytes.Contains(detached.Text, []byte(removeOption)) {
				t.Fatalf("no node removes anything:\n%s", detached.Text)
			}
			got, err := Attach(configurator, detached.Text, running)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(got.Text, []byte(removeOption)) {
				t.Errorf("nodes are still told to remove the programs:\n%s", got.Text)
			}
			if name == "attached_by_hand" { // its scripts have another order
				return
			}
			if diff := cmp.Diff(valueOf(t, attached.Text), valueOf(t, got.Text), cmp.Comparer((*value).equal)); diff != "" {
				t.Errorf("not what the first attach wrote:\n%s", cmp.Diff(string(attached.Text), string(got.Text)))
			}
		})
	}
}

func valueOf(t *testing.T, text []byte) *value {
	t.Helper()
	d, err := parse(configurator, text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := newValue(d.Root)
	if err != nil {
		t.Fatal(err)
	}
	d.clusterOf(v).plain()
	return v
}

// TestRemoveKeepsOtherArguments: --remove goes behind the arguments that a person gave, and
// attach takes it out again.
func TestRemoveKeepsOtherArguments(t *testing.T) {
	for name, args := range map[string]string{"block": "\n        - --replace\n", "flow": " [--replace]\n"} {
		t.Run(name, func(t *testing.T) {
			in := "HeadNode:\n  InstanceType: t3.micro\n  CustomActions:\n    OnNodeUpdated:\n      Script: " + testScript + "\n      Args:" + args + tail
			detached, err := Detach(configurator, []byte(in), Without{Running: true, Part: Scripts})
			if err != nil {
				t.Fatal(err)
			}
			items := valueOf(t, detached.Text).get("HeadNode", "CustomActions", OnNodeUpdated, "Sequence").items[0].get("Args").items
			if len(items) != 2 || items[0].text != "--replace" || items[1].text != removeOption || len(detached.Changes) != 1 {
				t.Errorf("%v, and the text is\n%s", detached.Changes, detached.Text)
			}
			scripts := running
			scripts.Part, scripts.Hooks, scripts.Drain = Scripts, map[Kind]string{Head: OnNodeUpdated}, false
			got, err := Attach(configurator, detached.Text, scripts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(in, string(got.Text)); diff != "" {
				t.Error(diff)
			}
			if len(got.Changes) != 1 || got.Changes[0].Policy != Supported {
				t.Errorf("the changes are %+v", got.Changes)
			}
		})
	}
}

func TestPoliciesIntoAnEmptyList(t *testing.T) {
	in := "HeadNode:\n  InstanceType: t3.micro\n  Iam:\n    AdditionalIamPolicies: [] # none yet\n" + tail
	got, err := Attach(configurator, []byte(in), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	items := valueOf(t, got.Text).get("HeadNode", "Iam", "AdditionalIamPolicies").items
	if len(items) != 2 || items[0].get("Policy").text != remoteWrite || items[1].get("Policy").text != nodePolicy {
		t.Errorf("%d policies:\n%s", len(items), got.Text)
	}
}

func TestEndOfADocument(t *testing.T) {
	in := "%YAML 1.1\n---\nHeadNode:\n  InstanceType: t3.micro\n" + tail + "...\n# behind it\n"
	got, err := Attach(configurator, []byte(in), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(got.Text), document.Marker+"\n...\n# behind it\n") {
		t.Errorf("the text ends otherwise:\n%s", got.Text)
	}
	back, err := Detach(configurator, got.Text, Without{Part: All})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, string(back.Text)); diff != "" {
		t.Error(diff)
	}
}

// TestNextNamesTheResult: the commands name the file that was written, not the one that was read.
func TestNextNamesTheResult(t *testing.T) {
	hpc := lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", Status: "CREATE_COMPLETE"}
	p, err := PlanAttach(Request{File: "c.yaml", Result: "new.yaml", Text: configurations(t)["minimal"], Cluster: hpc}, testSource)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"pcluster update-cluster --cluster-name hpc --cluster-configuration new.yaml --region us-east-2",
		"parascope cluster attach --config new.yaml --cluster hpc --part scripts --write"}
	if diff := cmp.Diff(want, p.Next); diff != "" {
		t.Error(diff)
	}
}

func TestOSIsChecked(t *testing.T) {
	q, err := newcluster.ParseQueue("cpu:c7i.xlarge:0-4")
	if err != nil {
		t.Fatal(err)
	}
	for os, ok := range map[string]bool{"alinux2": true, "alinux2023": true, "ubuntu2404": true, "rhel9": true, "rocky8": true,
		"centos7": true,
		"windows": false, "ubuntu": false, "ubuntu22.04": false, "Ubuntu2204": false, "": false} {
		_, _, err := Configuration(newcluster.Cluster{Name: "hpc", OS: os, HeadType: "m7i.xlarge", Queues: []newcluster.Queue{q}}, testSource)
		if ok && err != nil || !ok && hint.CodeOf(err) != hint.Usage {
			t.Errorf("%q: %v", os, err)
		}
	}
}

// TestAttachAfterDetachOfBothParts: head and login nodes of a cluster that was made with the script keep
// it as OnNodeConfigured, which an update does not run. An update has to install the programs again.
func TestAttachAfterDetachOfBothParts(t *testing.T) {
	attached, err := Attach(configurator, configurations(t)["login_pools"], newCluster)
	if err != nil {
		t.Fatal(err)
	}
	text := attached.Text
	for _, part := range []Part{Scripts, Policies} {
		detached, err := Detach(configurator, text, Without{Running: true, Part: part})
		if err != nil {
			t.Fatal(err)
		}
		text = detached.Text
	}
	got, err := Attach(configurator, text, running)
	if err != nil {
		t.Fatal(err)
	}
	v := valueOf(t, got.Text)
	for _, place := range append([]*value{v.get("HeadNode")}, v.get("LoginNodes", "Pools").items...) {
		n := 0
		for _, s := range place.scripts(OnNodeUpdated) {
			if s.get("Script").text == running.Script {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d scripts at an update:\n%s", n, got.Text)
		}
	}
	again, err := Attach(configurator, got.Text, running)
	if err != nil || len(again.Changes) > 0 {
		t.Errorf("a second run changes %v, %v", again.Changes, err)
	}
	// A cluster that was not detached needs nothing.
	whole, err := Attach(configurator, attached.Text, running)
	if err != nil || len(whole.Changes) > 0 {
		t.Errorf("attach of what is attached changes %v, %v", whole.Changes, err)
	}
}
