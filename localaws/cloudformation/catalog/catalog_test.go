package catalog

import (
	"slices"
	"testing"
)

func TestTypesAreComplete(t *testing.T) {
	var names []string
	for _, typ := range append(Types(), customResource()) {
		if typ.Create == nil || typ.Delete == nil {
			t.Errorf("%s cannot be made or deleted", typ.Name)
		}
		for _, name := range typ.Elsewhere {
			if _, here := typ.Properties[name]; here {
				t.Errorf("%s: %s is both supported and not", typ.Name, name)
			}
		}
		if slices.Contains(names, typ.Name) {
			t.Errorf("%s is listed twice", typ.Name)
		}
		names = append(names, typ.Name)
	}
	for name, want := range map[string]bool{"AWS::IAM::Role": true, "Custom::Anything": true, "AWS::SQS::Queue": false} {
		if _, ok := Lookup(name); ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}
