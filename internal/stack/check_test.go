package stack_test

import (
	"strings"
	"testing"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact/deployertest"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestNamesAreRefusedBeforeAnythingIsMade: the longest name is what Lambda leaves
// room for, as the template makes the function's name.
func TestNamesAreRefusedBeforeAnythingIsMade(t *testing.T) {
	_, rest, _ := strings.Cut(parascope.Template, "FunctionName: !Sub '${AWS::StackName}")
	suffix, _, _ := strings.Cut(rest, "'")
	longest := strings.Repeat("n", 64-len(suffix))
	a := start(t, localaws.Options{})
	for _, name := range []string{"pcluster-infra", "A1", longest} {
		check.OK(t, stack.CheckName(name))
	}
	for _, name := range []string{"", "1st", "my_stack", "-x", "sté", "a b", longest + "n"} {
		deployertest.CheckError(t, stack.CheckName(name), hint.Usage, "name")
		_, err := stack.New(a.Deployer, name).Plan(t.Context(), "Resources: {}", nil)
		deployertest.CheckError(t, err, hint.Usage, "name")
	}
}
