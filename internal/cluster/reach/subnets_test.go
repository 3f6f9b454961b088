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
	}{
		cluster:                          {[]string{"subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"}, 0},
		template:                         {nil, 4},
		"HeadNode: {}\nScheduling: {}\n": {nil, 0},
		"HeadNode: {Networking: {SubnetId: '{{ a }}'}}\nScheduling: {}\n": {nil, 1},
	} {
		e := Env{Configuration: []byte(text)}
		if ids, expressions := e.subnets(); !slices.Equal(ids, want.ids) || expressions != want.expressions {
			t.Errorf("%q and %d expressions, want %v, of\n%s", ids, expressions, want, text)
		}
	}
}
