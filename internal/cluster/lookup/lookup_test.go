package lookup

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

func TestNamesOfClusters(t *testing.T) {
	for name, good := range map[string]bool{"a": true, "Hpc-2": true, strings.Repeat("a", 60): true, strings.Repeat("a", 61): false, "": false,
		"2a": false, "-a": false, "a_b": false, "a\n": false, "é": false} {
		if err := CheckName(name); (err == nil) != good || err != nil && hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestVersionIsChecked(t *testing.T) {
	for version, ok := range map[string]bool{"": true, "3.6": true, "3.12.0": true, "3.12.0b1": true, "abc": false, "3": false,
		"v3.12": false} {
		if err := CheckVersion(version); ok != (err == nil) || !ok && hint.CodeOf(err) != hint.Usage {
			t.Errorf("%q: %v", version, err)
		}
	}
}
