package device

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// label is the value of a label of parascope_node_info on the page.
func label(t *testing.T, page, name string) string {
	t.Helper()
	_, after, found := strings.Cut(page, name+`="`)
	if !found {
		t.Fatalf("no label %s on the page:\n%s", name, page)
	}
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// TestIdentityFollowsItsFiles: what a file says is on the page from the reading after
// it was written, however it was written, and no longer once it is gone.
func TestIdentityFollowsItsFiles(t *testing.T) {
	tr := newTree(t)
	r := tr.open(identity, nil)
	if got := readPage(t, r); got != "absent\n" {
		t.Fatalf("a machine of no cluster and not of EC2: %s", got)
	}
	const spec = "etc/parallelcluster/slurm_plugin/slurm_node_spec.json"
	for _, step := range []struct {
		what                               string
		do                                 func()
		cluster, queue, node, kind, typeOf string
	}{
		{"the firmware alone", func() {
			tr.instance("p5.48xlarge", "i-01", "ip-10-0-0-1.ec2.internal")
		}, "", "", "ip-10-0-0-1", "p5.48xlarge", ""},
		{"half of dna.json", func() {
			tr.file("etc/chef/dna.json", `{"cluster": {"cluster_na`)
		}, "", "", "ip-10-0-0-1", "p5.48xlarge", ""},
		{"dna.json", func() {
			tr.file("etc/chef/dna.json",
				`{"cluster": {"cluster_name": "c1", "scheduler_queue_name": "q1", "node_type": "ComputeFleet", "region": 7}}`)
		}, "c1", "q1", "ip-10-0-0-1", "p5.48xlarge", "compute"},
		{"Slurm's node name", func() {
			tr.file("etc/parallelcluster/slurm_plugin/slurm_nodename", "q1-dy-cr-1")
		}, "c1", "q1", "q1-dy-cr-1", "p5.48xlarge", "compute"},
		{"the node's specification", func() {
			tr.file(spec, `{"cluster_name": "c2", "compute": {"queue-name": "q2", "name": "q2-st-cr-1", "instance-type": "p5e.48xlarge"}}`)
		}, "c2", "q2", "q2-st-cr-1", "p5e.48xlarge", "compute"},
		{"written over with as many bytes", func() {
			tr.file(spec, `{"cluster_name": "c3", "compute": {"queue-name": "q3", "name": "q3-st-cr-1", "instance-type": "p5e.48xlarge"}}`)
		}, "c3", "q3", "q3-st-cr-1", "p5e.48xlarge", "compute"},
		{"removed", func() { tr.remove(spec) }, "c1", "q1", "q1-dy-cr-1", "p5.48xlarge", "compute"},
		{"a pipe in its place", func() {
			if err := unix.Mkfifo(tr.root+"/"+spec, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "c1", "q1", "q1-dy-cr-1", "p5.48xlarge", "compute"},
		{"1 MB and more", func() {
			tr.remove(spec)
			tr.file(spec, `{"cluster_name": "`+strings.Repeat("c", 2<<20)+`"}`)
		}, "c1", "q1", "q1-dy-cr-1", "p5.48xlarge", "compute"},
		{"the host name changes", func() {
			tr.remove("etc")
			tr.file("proc/sys/kernel/hostname", "renamed\n")
		}, "", "", "renamed", "p5.48xlarge", ""},
		{"the host name alone changes", func() {
			tr.file("proc/sys/kernel/hostname", "again\n")
		}, "", "", "again", "p5.48xlarge", ""},
	} {
		step.do()
		got := readPage(t, r)
		for name, want := range map[string]string{
			"cluster": step.cluster, "queue": step.queue, "node": step.node, "instance_type": step.kind, "node_type": step.typeOf,
		} {
			if value := label(t, strings.ReplaceAll(got, "{", ","), ","+name); value != want {
				t.Errorf("%s: label %s is %q, want %q", step.what, name, value, want)
			}
		}
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, " 1\n") {
			t.Errorf("%s: not one series of value 1:\n%s", step.what, got)
		}
	}
}

func TestParseHostFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		parse func([]byte) (host, error)
		text  string
		want  host
		err   bool
	}{
		"cfnconfig of a compute node": {parse: parseCfnConfig,
			text: "stack_name=hpc-prod\ncfn_preinstall=\"/opt/x -preinstall\"\ncfn_preinstall_args=()\ncfn_region=us-east-1\ncfn_proxy=NONE\n" +
				"cfn_node_type=ComputeFleet\ncfn_scheduler_queue_name='gpu'\ncfn_half=",
			want: host{cluster: "hpc-prod", region: "us-east-1", nodeType: "compute", queue: "gpu"}},
		"cfnconfig, half a line": {parse: parseCfnConfig,
			text: "cfn_region=us-east-1\nstack_name=hpc-pr", want: host{region: "us-east-1"}},
		"dna.json with placeholders": {parse: parseDNA,
			text: `{"cluster": {"region": "{'Ref': 'AWS::Region'}", "stack_name": "s", "scheduler_queue_name": "NONE",
				"enable_efa": "NONE", "base_os": null}}`,
			want: host{cluster: "s", efa: "NONE"}},
		"dna.json, another shape": {parse: parseDNA, text: `{"cluster": []}`, err: true},
		"dna.json, nothing":       {parse: parseDNA, text: ``, err: true},
		"spec, other types": {parse: parseNodeSpec,
			text: `{"cluster_name": {"a": 1}, "instance_id": "i-1", "node_role": "HeadNode", "compute": {"name": 5}}`,
			want: host{instanceID: "i-1", nodeType: "head"}},
		"version":                   {parse: parseBootstrapped, text: "aws-parallelcluster-cookbook-3.16.3\n", want: host{version: "3.16.3"}},
		"version of something else": {parse: parseBootstrapped, text: "done\n"},
		"instance type":             {parse: parseProductName, text: "u7i-12tb.224xlarge\n", want: host{instanceType: "u7i-12tb.224xlarge"}},
		"metal":                     {parse: parseProductName, text: "m7i.metal-48xl\n", want: host{instanceType: "m7i.metal-48xl"}},
		"a virtual machine":         {parse: parseProductName, text: "Standard PC (i440FX + PIIX, 1996)\n"},
		"a board's name":            {parse: parseProductName, text: "pc-i440fx-2.9\n"},
		"an asset tag of no EC2":    {parse: parseAssetTag, text: "Not Specified\n"},
		"instance id":               {parse: parseAssetTag, text: "i-0123456789abcdef1\n", want: host{instanceID: "i-0123456789abcdef1"}},
		"node name of two words":    {parse: parseNodeName, text: "a b"},
		"node name":                 {parse: parseNodeName, text: "gpu-dy-p5-1", want: host{node: "gpu-dy-p5-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.parse([]byte(tc.text))
			if (err != nil) != tc.err || got != tc.want {
				t.Errorf("got %+v, error %v; want %+v, an error: %v", got, err, tc.want, tc.err)
			}
		})
	}
}

// FuzzHostFiles: whatever is in them, the files make bounded text or an error.
func FuzzHostFiles(f *testing.F) {
	f.Add([]byte(`{"region": "us-east-1", "cluster_name": "c", "compute": {"name": "q-dy-c-1", "instance-type": "p5.48xlarge"}}`))
	f.Add([]byte(`{"cluster": {"stack_name": "s", "node_type": "LoginNode", "pool_name": "p", "enable_efa": "efa"}}`))
	f.Add([]byte("stack_name=s\ncfn_node_type=HeadNode\ncfn_region=\"eu-west-1\"\n"))
	f.Add([]byte("aws-parallelcluster-cookbook-3.16.3"))
	f.Add([]byte("{\"cluster\": {\"cluster_name\": \"\\ud800\\u0000\"}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (host, error){
			parseNodeSpec, parseDNA, parseCfnConfig, parseNodeName, parseBootstrapped, parseProductName, parseAssetTag,
		} {
			h, err := parse(b)
			if err != nil && h != (host{}) {
				t.Errorf("error %v with %+v", err, h)
			}
			for _, value := range h.fields() {
				if len(*value) > 3*len(b) { // bytes that are no UTF-8 become three
					t.Errorf("%d bytes of %d", len(*value), len(b))
				}
			}
		}
	})
}
