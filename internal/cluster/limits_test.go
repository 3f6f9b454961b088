package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/hint"
)

// TestLimits: what ParallelCluster refuses is refused with the line, or noted where that is not certain.
func TestLimits(t *testing.T) {
	minimal := string(configurations(t)["minimal"])
	queues := func(n, resources int) string {
		var b strings.Builder
		b.WriteString("HeadNode:\n  InstanceType: t3.medium\nScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n")
		for i := range n {
			fmt.Fprintf(&b, "    - Name: q%d\n      ComputeResources:\n%s", i, strings.Repeat("        - InstanceType: c7i.xlarge\n", resources))
		}
		return b.String()
	}
	region := func(v string) string { return strings.Replace(minimal, "Region: us-east-2\n", "Region:"+v+"\n", 1) }
	os := func(v string) string { return strings.Replace(minimal, "Os: alinux2023", "Os: "+v, 1) }
	inTemplate := func(v string) string {
		return strings.Replace(withStack, "        HeadNode:\n", "        Region: "+v+"\n        HeadNode:\n", 1)
	}
	const remove = "write Region: us-east-2, or remove the line"
	for name, c := range map[string]struct {
		text, version     string
		note, refused, do string
	}{
		"50 queues":            {text: queues(50, 1)},
		"51 queues":            {text: queues(51, 0), note: "the configuration has 51 queues: ParallelCluster refuses more than 50"},
		"51 compute resources": {text: queues(17, 3), note: "the configuration has 51 compute resources: ParallelCluster refuses more than 50"},
		"an OS that is none":   {text: os("foo"), refused: `line 3 has the Os "foo": it is not an operating system of ParallelCluster`, do: "alinux2023"},
		"an OS, later":         {text: os("ubuntu2004"), note: "line 3: Os ubuntu2004: ParallelCluster 3.14 and later refuse it"},
		"an OS, before":        {text: os("ubuntu2404"), note: "line 3: Os ubuntu2404: ParallelCluster before 3.13 refuses it"},
		"an OS of the version": {text: os("ubuntu2004"), version: "3.13.0"},
		"an OS of another version": {text: os("centos7"), version: "3.14.0",
			refused: `line 3 has the Os "centos7": ParallelCluster 3.14.0 does not support it`, do: "another version"},
		"an OS without AMIs": {text: os("rocky9"), version: "3.14.0", note: "line 3: Os rocky9: ParallelCluster has no AMI of it: set " +
			"Image/CustomAmi to one of your own ('pcluster build-image')"},
		"with one's own AMI":  {text: os("rocky9\n  CustomAmi: ami-0123456789abcdef0")},
		"an OS that may come": {text: os("rhel17"), version: "3.14.0", note: "line 3: Os rhel17: ParallelCluster up to 3.16 refuses it"},
		"a number":            {text: region(" 5"), refused: "line 1 has a Region that is not a text, which ParallelCluster refuses", do: remove},
		"a list":              {text: region(" [us-east-2]"), refused: "line 1 has a Region that is not a text", do: remove},
		"empty":               {text: region(""), refused: "line 1 has an empty Region", do: remove},
		"an empty text":       {text: region(` ""`), refused: "line 1 has an empty Region", do: remove},
		"a function":          {text: region(" !Ref X"), refused: "line 1 has a function of CloudFormation as Region", do: remove},
		"a function in a template": {text: inTemplate("!Ref X"), note: "line 8: Region is an expression that cannot be " +
			"evaluated here: the stack and the install script are in us-east-2, and ParallelCluster refuses another region"},
		"the stack's own":      {text: inTemplate("!Ref AWS::Region")},
		"the stack's, long":    {text: inTemplate("{Ref: 'AWS::Region'}")},
		"the stack's, in text": {text: inTemplate("!Sub '${AWS::Region}'")},
		"a variable": {text: region(" ${AWS_REGION}"), refused: "line 1 has the placeholder ${AWS_REGION} as Region",
			do: "envsubst < c.yaml > NEW-FILE"},
		"a short variable": {text: region(" $REGION"), refused: "line 1 has the placeholder $REGION as Region", do: "envsubst"},
		"an angle":         {text: region(" <REGION>"), refused: "line 1 has the placeholder <REGION> as Region", do: "replace the placeholders"},
		"upper case": {text: region(" US-EAST-2"), refused: "line 1 has the Region US-EAST-2; names of regions are in lower case",
			do: "write Region: us-east-2"},
		"another in upper case": {text: region(" EU-West-1"), refused: "line 1 has the Region EU-West-1", do: "write Region: eu-west-1"},
		"no region":             {text: region(" ohio"), refused: "line 1 has the Region ohio, which is not the name of a region", do: remove},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := PlanAttach(Request{File: "c.yaml", Text: []byte(c.text), Cluster: lookup.Cluster{Name: "hpc", Version: c.version}}, testSource)
			if c.refused != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "c.yaml: "+c.refused) || !strings.Contains(hint.Next(err), c.do) ||
					hint.CodeOf(err) != hint.BadInput {
					t.Errorf("exit code %d, %v; %s", hint.CodeOf(err), err, hint.Next(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			notes := slices.DeleteFunc(p.Notes, func(n string) bool { return strings.HasPrefix(n, "a Sequence of scripts requires") })
			if strings.Join(notes, "\n") != c.note {
				t.Errorf("the notes are %q, want %q", notes, c.note)
			}
		})
	}
	// A function is read in a configuration that is going to stand in a template.
	p, err := PlanAttach(Request{File: "c.yaml", Text: []byte(region(" !Ref AWS::Region")), ForTemplate: true}, testSource)
	if err != nil || len(p.Notes) != 1 {
		t.Errorf("%v, %v", p.Notes, err)
	}
}

// TestInstanceTypesOfAConfiguration: those of all sections, with their lines.
func TestInstanceTypesOfAConfiguration(t *testing.T) {
	text := `HeadNode: {InstanceType: m7i.xlarge}
LoginNodes: {Pools: [{Name: l, InstanceType: c7i.large}]}
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: q
      ComputeResources:
        - InstanceType: p5.48xlarge
        - Instances: [{InstanceType: p6.48xlarge}, {InstanceType: !Ref Type}]
`
	p, err := PlanAttach(Request{File: "c.yaml", Text: []byte(text)}, testSource)
	want := []instanceType{{"HeadNode", "m7i.xlarge", 1}, {"LoginNodes/Pools[l]", "c7i.large", 2},
		{"Scheduling/SlurmQueues[q]", "p5.48xlarge", 8}, {"Scheduling/SlurmQueues[q]", "p6.48xlarge", 9}}
	if err != nil || !slices.Equal(p.types, want) {
		t.Errorf("%+v, %v", p.types, err)
	}
}
