package progress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

func TestDescribePlan(t *testing.T) {
	got := strings.Join(describePlan(term.Styler{}, []stack.Change{
		{LogicalID: "GrafanaWorkspace", Type: "AWS::Grafana::Workspace", Caption: "The Grafana workspace", Action: "Modify",
			Replacement: "Conditional", Properties: []string{"Name"}},
		{LogicalID: "Old", Type: "AWS::IAM::Role", Action: "Remove"},
		{LogicalID: "LogGroup", Type: "AWS::Logs::LogGroup", Action: "Modify", Replacement: "False",
			Properties: []string{"A", "B", "C", "D", "E", "F"}},
		{LogicalID: "New", Type: "AWS::IAM::Role", Action: "Add"},
	}), "\n")
	const want = `  plan: 1 to add, 2 to change, 1 to remove
  ~ LogGroup (AWS::Logs::LogGroup): A, B, C, D, 2 more
  + New (AWS::IAM::Role)
  - The Grafana workspace (GrafanaWorkspace, AWS::Grafana::Workspace): Name: may be replaced
  - Old (AWS::IAM::Role): is removed`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var many []stack.Change
	for i := range 500 {
		many = append(many, stack.Change{LogicalID: fmt.Sprint(i), Action: "Add"})
	}
	if lines := describePlan(term.Styler{}, many); len(lines) != mostChanges+2 || lines[len(lines)-1] != "  … 460 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}
