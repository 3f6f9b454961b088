package cluster

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/hint"
)

// TestWhatTheClusterRunsWith: the hooks that ParallelCluster refuses to change are compared with the deployed configuration.
func TestWhatTheClusterRunsWith(t *testing.T) {
	all := configurations(t)
	hpc := lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", Status: "CREATE_COMPLETE"}
	plan := func(text, deployed []byte, part Part) (Plan, error) {
		t.Helper()
		d, err := lookup.ReadDeployed("deployed", deployed)
		if err != nil {
			t.Fatal(err)
		}
		return PlanAttach(Request{File: "c.yaml", Text: text, Cluster: hpc, Part: part, Deployed: d}, testSource)
	}
	asNew, err := Attach("c.yaml", all["login_pools"], newCluster)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []Part{All, Policies, Scripts} {
		_, err := plan(asNew.Text, all["login_pools"], part)
		if hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), "has the script as OnNodeConfigured of HeadNode") ||
			hint.Next(err) != "move the entry to OnNodeUpdated of HeadNode" {
			t.Errorf("a file for a new cluster, %s: %v, %s", part, err, hint.Next(err))
		}
	}
	if p, err := plan(asNew.Text, asNew.Text, All); err != nil || len(p.Changes) > 0 {
		t.Errorf("the file that the cluster was made from: %v, %v", p.Changes, err)
	}
	corrected := newCluster
	corrected.Hooks = map[Kind]string{Head: OnNodeUpdated, Login: OnNodeConfigured, Queue: OnNodeConfigured}
	head, err := Attach("c.yaml", all["login_pools"], corrected)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan(head.Text, all["login_pools"], All); err == nil || !strings.Contains(err.Error(), "of LoginNodes/Pools[people]") {
		t.Errorf("a file whose head was corrected: %v", err)
	}

	// A pool that the cluster does not have yet is added with all it needs.
	p, err := plan(all["login_pools"], []byte(strings.Replace(string(all["login_pools"]), "people", "others", 1)), All)
	if err != nil {
		t.Fatal(err)
	}
	text := planOf(p)
	for _, line := range []string{"add the script LoginNodes/Pools[people]/CustomActions/OnNodeConfigured LOGIN_NODES_POOLS",
		"add the policy LoginNodes/Pools[people]/Iam/AdditionalIamPolicies LOGIN_NODES_POOLS",
		"add the script LoginNodes/Pools[builds]/CustomActions/OnNodeUpdated SUPPORTED"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q", line)
		}
	}
	if strings.Contains(text, "Count: 0") || t.Failed() {
		t.Error(text)
	}
}
