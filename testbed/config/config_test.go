package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const base = `
Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-1}
  CustomActions:
    OnNodeConfigured: {Script: "s3://b/head.sh"}
LoginNodes:
  Pools:
    - {Name: login, InstanceType: t3.small, Count: 1, Networking: {SubnetIds: [subnet-1]}}
Scheduling:
  Scheduler: slurm
  SlurmSettings: {QueueUpdateStrategy: COMPUTE_FLEET_STOP}
  SlurmQueues:
    - Name: queue1
      Networking: {SubnetIds: [subnet-1]}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 1, MaxCount: 4}
`

func TestParse(t *testing.T) {
	c, err := Parse([]byte(base))
	if err != nil {
		t.Fatal(err)
	}
	q := c.Scheduling.SlurmQueues[0]
	if r := q.ComputeResources[0]; r.Static() != 1 || r.Dynamic() != 3 || r.Type() != "c5.large" || q.Networking.Subnet() != "subnet-1" {
		t.Errorf("queue read as %+v", q)
	}
	if s := c.HeadNode.CustomActions.OnNodeConfigured; len(s) != 1 || s[0].Script != "s3://b/head.sh" {
		t.Errorf("head's scripts read as %v", s)
	}
	b, err := json.Marshal(c.HeadNode.CustomActions)
	if err != nil {
		t.Fatal(err)
	}
	var again Actions
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, c.HeadNode.CustomActions) {
		t.Errorf("scripts written and read again: %v, %v", again, err)
	}
	for change, want := range map[string]string{
		"s3://b/head.sh|ftp://b/head.sh": "s3:// or https://",
		"Scheduler: slurm|Scheduler: x":  "slurm only",
		"MaxCount: 4|MaxCount: 0":        "Max count",
		"Name: queue1|Name: Queue_1":     "unique names",
		"{Os: ubuntu2204}|[":             "no valid YAML",
	} {
		old, changed, _ := strings.Cut(change, "|")
		if _, err := Parse([]byte(strings.Replace(base, old, changed, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", change, err, want)
		}
	}
}

// TestUpdates holds the table of what an update of a cluster may change.
func TestUpdates(t *testing.T) {
	running := Running{Fleet: true, Login: map[string]bool{"login": true}}
	const policies = `{AdditionalIamPolicies: [{Policy: "arn:aws:iam::aws:policy/P"}]}`
	const queueScript = "Name: queue1|Name: queue1\n      CustomActions: {OnNodeConfigured: {Script: \"s3://b/q.sh\"}}"
	drain := "COMPUTE_FLEET_STOP}|DRAIN}"
	for _, test := range []struct {
		name    string
		changes []string // old|new
		running Running
		policy  string // of the change looked at
		refused string // part of the text; "" when it is made
	}{
		{"head script changed", []string{"s3://b/head.sh|s3://b/other.sh"}, running, unsupported, "'OnNodeConfigured' parameter"},
		{"head script removed",
			[]string{`OnNodeConfigured: {Script: "s3://b/head.sh"}|OnNodeConfigured:`}, running, unsupported, "not currently"},
		{"head script becomes a sequence",
			[]string{`{Script: "s3://b/head.sh"}|{Sequence: [{Script: "s3://b/head.sh"}]}`}, Running{}, unsupported, "not currently"},
		{"head update script added",
			[]string{"    OnNodeConfigured|    OnNodeUpdated: {Script: \"s3://b/u.sh\"}\n    OnNodeConfigured"}, running, supported, ""},
		{"head policies added", []string{"  CustomActions:|  Iam: " + policies + "\n  CustomActions:"}, running, supported, ""},
		{"head policies, none yet", []string{"  CustomActions:|  Iam: {AdditionalIamPolicies: []}\n  CustomActions:"}, running, supported, ""},
		{"queue scripts, fleet runs", []string{queueScript}, running, queueStrategy, "QueueUpdateStrategy must be set"},
		{"queue scripts, fleet stopped", []string{queueScript}, Running{}, queueStrategy, ""},
		{"queue scripts, drain", []string{drain, queueScript}, running, queueStrategy, ""},
		{"queue policies", []string{"Name: queue1|Name: queue1\n      Iam: " + policies}, running, supported, ""},
		{"login scripts added",
			[]string{"Count: 1,|Count: 1, CustomActions: {OnNodeConfigured: {Script: \"s3://b/l.sh\"}},"}, Running{}, unsupported, "not currently"},
		{"login update script",
			[]string{"Count: 1,|Count: 1, CustomActions: {OnNodeUpdated: {Script: \"s3://b/l.sh\"}},"}, running, supported, ""},
		{"login policies, pool runs",
			[]string{"Count: 1,|Count: 1, Iam: " + policies + ","}, running, poolStop, "login nodes in login are running"},
		{"login policies, pool stopped", []string{"Count: 1,|Count: 1, Iam: " + policies + ","}, Running{Fleet: true}, poolStop, ""},
		{"login count", []string{"Count: 1,|Count: 0,"}, running, supported, ""},
		{"more nodes", []string{"MaxCount: 4|MaxCount: 8"}, running, resize, ""},
		{"fewer nodes, drain", []string{drain, "MaxCount: 4|MaxCount: 2"}, running, resize, "set to TERMINATE"},
		{"another instance type, drain",
			[]string{drain, "InstanceType: c5.large|InstanceType: c5.xlarge"}, running, fleetStop, "must be stopped"},
		{"a second queue",
			[]string{"    - Name: queue1|    - {Name: queue0, ComputeResources: [{Name: c, InstanceType: c5.large}]}\n    - Name: queue1"},
			running, stopOnRemove, ""},
		{"the operating system", []string{"ubuntu2204|alinux2023"}, Running{}, unsupported, "'Os' parameter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := base
			for _, c := range test.changes {
				old, now, _ := strings.Cut(c, "|")
				if !strings.Contains(changed, old) {
					t.Fatalf("%q is not in the configuration", old)
				}
				changed = strings.Replace(changed, old, now, 1)
			}
			from, to := parse(t, base), parse(t, changed)
			var seen []Change
			for _, c := range Compare(from, to, test.running) {
				if !strings.HasSuffix(c.Parameter, "QueueUpdateStrategy") {
					seen = append(seen, c)
				} else if c.Refused != "" {
					t.Errorf("the strategy itself is refused: %s", c.Refused)
				}
			}
			if len(seen) != 1 || seen[0].Policy != test.policy {
				t.Fatalf("changes %+v, want one of %s", seen, test.policy)
			}
			if got := seen[0].Refused; (got == "") != (test.refused == "") || !strings.Contains(got, test.refused) {
				t.Errorf("%s: refused with %q, want %q", seen[0].Parameter, got, test.refused)
			}
		})
	}
	if c := Compare(parse(t, base), parse(t, base), running); len(c) != 0 {
		t.Errorf("no change is seen as %v", c)
	}
}

func parse(t *testing.T, text string) *Cluster {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil && !strings.Contains(err.Error(), "Either Script") {
		t.Fatal(err)
	}
	return c
}

// FuzzParse holds that no configuration makes the reader panic, and that one that is
// read is no change of itself.
func FuzzParse(f *testing.F) {
	f.Add([]byte(base))
	f.Add([]byte("HeadNode: {CustomActions: {OnNodeStart: [1]}}"))
	f.Add([]byte("Scheduling: {SlurmQueues: [{Name: a, Name: b}]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		if changes := Compare(c, c, Running{Fleet: true}); len(changes) != 0 {
			t.Errorf("compared with itself: %v", changes)
		}
	})
}
