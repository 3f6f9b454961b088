package reach

import (
	"slices"
	"testing"
)

// TestSubnets: those of the cluster, and not of other resources of a template. What is no subnet's id is counted.
func TestSubnets(t *testing.T) {
	const cluster = "HeadNode:\n  Networking: &n {SubnetId: subnet-0aaaaaaaaaaaaaaaa}\nScheduling:\n  SlurmQueues:\n" +
		"    - Networking: {SubnetIds: [subnet-0bbbbbbbbbbbbbbbb, subnet-0aaaaaaaaaaaaaaaa]}\n    - Networking: *n\n"
	const template = "Resources:\n  A: {Properties: {SubnetId: !Ref B}}\n  C: {Properties: {ClusterConfiguration: {HeadNode: " +
		"{Networking: {SubnetId: !If [A, !Ref B, !Ref C]}}, Scheduling: {SlurmQueues: [{Networking: {SubnetIds: [!Ref B, {Ref: C}]}}, " +
		"{Networking: {SubnetIds: !Ref D}}]}}}}\n"
	for text, want := range map[string]struct {
		ids         []string
		expressions int
		wrong       string
	}{
		cluster:                          {[]string{"subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"}, 0, ""},
		template:                         {nil, 4, ""},
		"HeadNode: {}\nScheduling: {}\n": {nil, 0, ""},
		"HeadNode: {Networking: {SubnetId: '{{ a }}'}}\nScheduling: {}\n": {nil, 1, ""},
		"HeadNode: {Networking: {SubnetId: subnet-1}}\nScheduling: {}\n":  {nil, 0, "subnet-1"},
		"HeadNode: {Networking: {SubnetId: $SUBNET}}\nScheduling: {}\n":   {nil, 1, ""},
	} {
		e := Env{Configuration: []byte(text)}
		ids, expressions, wrong := e.subnets()
		is := ""
		if wrong != nil {
			is = wrong.Value
		}
		if !slices.Equal(ids, want.ids) || expressions != want.expressions || is != want.wrong {
			t.Errorf("%q, %d expressions and %q, want %v, of\n%s", ids, expressions, is, want, text)
		}
	}
}
