package newcluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/parascope/parascope/internal/hint"
)

// region is one whose EC2 answers DescribeInstanceTypes for m7i.xlarge and p5.48xlarge, each in a page of its
// own; denied are operations that it refuses, and "first" lets it throttle the first request.
func region(t *testing.T, denied ...string) aws.Config {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.FormValue("Action")
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Response><Errors><Error><Code>%s</Code><Message>m</Message></Error></Errors></Response>", code)
		}
		switch {
		case requests.Add(1) == 1 && slices.Contains(denied, "first"):
			refuse(http.StatusServiceUnavailable, "RequestLimitExceeded")
		case strings.Contains(strings.Join(denied, " "), action):
			refuse(http.StatusForbidden, "UnauthorizedOperation")
		default:
			fmt.Fprint(w, "<R><instanceTypeSet>")
			name, efa, next := "m7i.xlarge", false, "<nextToken>2</nextToken>"
			if r.FormValue("NextToken") == "2" {
				name, efa, next = "p5.48xlarge", true, ""
			}
			for i := 1; r.Form.Has(fmt.Sprintf("Filter.1.Value.%d", i)); i++ {
				if r.FormValue(fmt.Sprintf("Filter.1.Value.%d", i)) == name {
					fmt.Fprintf(w, "<item><instanceType>%s</instanceType><networkInfo><efaSupported>%t</efaSupported></networkInfo></item>",
						name, efa)
				}
			}
			fmt.Fprint(w, "</instanceTypeSet>"+next+"</R>")
		}
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "us-east-2", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
}

// TestAsk: a type that the region does not have is refused, and what EC2 does not answer is a note.
func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		head, queue string
		denied      []string
		err         string
		notes       []string
	}{
		"all there":         {"m7i.xlarge", "p5.48xlarge", []string{"first"}, "", nil},
		"another head type": {"m99.xlarge", "p5.48xlarge", nil, "--head-type: us-east-2 has no instance type m99.xlarge", nil},
		"another type":      {"m7i.xlarge", "p99.48xlarge", nil, "--queue gpu: us-east-2 has no instance type p99.48xlarge", nil},
		"no permission": {"m99.xlarge", "p99.48xlarge", []string{"DescribeInstanceTypes"}, "", []string{
			"not checked: whether us-east-2 has the instance types, and which have EFA; EFA is off in the configuration: UnauthorizedOperation"}},
	} {
		n := Cluster{HeadType: c.head, Queues: []Queue{{Name: "gpu", InstanceType: c.queue}}}
		notes, err := n.Ask(t.Context(), region(t, c.denied...))
		switch {
		case c.err != "" && (err == nil || err.Error() != c.err || hint.CodeOf(err) != hint.BadInput || hint.Next(err) == ""):
			t.Errorf("%s: %v, want %s", name, err, c.err)
		case c.err == "" && (err != nil || strings.Join(notes, "\n") != strings.Join(c.notes, "\n")):
			t.Errorf("%s: %v, %q", name, err, notes)
		case c.err == "" && n.Queues[0].EFA != (c.notes == nil):
			t.Errorf("%s: EFA is %t", name, n.Queues[0].EFA)
		}
	}
}

// TestOSOfAVersion has what is known of versions of ParallelCluster.
func TestOSOfAVersion(t *testing.T) {
	for c, ok := range map[[2]string]bool{
		{"alinux2023", "3.6.0"}: true, {"alinux2023", "3.16.3"}: true, {"ubuntu2404", "3.12.0"}: false, {"ubuntu2404", "3.13.0"}: true,
		{"ubuntu2004", "3.13.2"}: true, {"ubuntu2004", "3.14.0"}: false, {"centos7", "3.11.1"}: true, {"centos7", "3.12.0"}: false,
		{"rhel8", "3.16.3"}: true, {"ubuntu2004", "4.0.0"}: false,
	} {
		err := Cluster{OS: c[0]}.CheckOS(c[1])
		if ok != (err == nil) || !ok && hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%s with %s: %v", c[0], c[1], err)
		}
	}
}

func TestNumberOfQueues(t *testing.T) {
	for n, ok := range map[int]bool{1: true, 50: true, 51: false} {
		var texts []string
		for i := range n {
			texts = append(texts, fmt.Sprintf("q%d:c7i.xlarge:0-4", i))
		}
		all, err := ParseQueues(texts)
		if ok != (err == nil && len(all) == n) || !ok && hint.CodeOf(err) != hint.Usage {
			t.Errorf("%d queues: %v", n, err)
		}
	}
	q := Queue{Name: "q"}
	err := Cluster{OS: "alinux2023", HeadType: "m7i.xlarge", Queues: []Queue{q, q}}.Check()
	if hint.CodeOf(err) != hint.Usage || !strings.Contains(err.Error(), "two queues have the name q") {
		t.Errorf("two queues of one name: %v", err)
	}
}

// TestWhatParallelClusterRefuses is refused, or noted.
func TestWhatParallelClusterRefuses(t *testing.T) {
	for text, ok := range map[string]bool{"default:c7i.large:0-1": false, "defaults:c7i.large:0-1": true, "q:c7i.large:0-65536": true,
		"q:c7i.large:0-65537": false, "q:c7i.large:0-99999999999": false} {
		if _, err := ParseQueue(text); ok != (err == nil) || !ok && hint.CodeOf(err) != hint.Usage {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, arm := range map[string]bool{"c7g.large": true, "c7gn.xlarge": true, "im4gn.large": true, "is4gen.large": true,
		"g5g.xlarge": true, "a1.large": true,
		"t4g.micro": true, "hpc7g.16xlarge": true, "x2gd.large": true, "p6e-gb200.36xlarge": true, "c7i.large": false,
		"g5.xlarge": false, "g4dn.xlarge": false, "p5.48xlarge": false, "m7i-flex.large": false, "u-6tb1.56xlarge": false,
		"gr6.4xlarge": false, "hpc6id.32xlarge": false, "trn1.2xlarge": false, "g6e.xlarge": false} {
		head := HeadTypeFor([]Queue{{InstanceType: name}})
		if isARM(name) != arm || isARM(head) != arm {
			t.Errorf("%s: %t, %s", name, isARM(name), head)
		}
	}
	cluster := func(head string, types ...string) error {
		n := Cluster{OS: "alinux2023", HeadType: head}
		for i, name := range types {
			n.Queues = append(n.Queues, Queue{Name: fmt.Sprint("q", i), InstanceType: name})
		}
		return n.Check()
	}
	if err := cluster("m7g.xlarge", "c7g.large", "hpc7g.16xlarge"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{cluster("m7i.xlarge", "c7g.large"), cluster("m7g.xlarge", "c7g.large", "c7i.large"), cluster("m7g.xlarge",
		"c7i.large")} {
		if hint.CodeOf(err) != hint.Usage || !strings.Contains(err.Error(), "of another processor architecture than the head node's") {
			t.Error(err)
		}
	}
	err := Cluster{OS: "foo"}.Check()
	if hint.CodeOf(err) != hint.Usage || strings.Contains(hint.Next(err), "rocky") {
		t.Errorf("%v, %s", err, hint.Next(err))
	}
	for c, note := range map[[2]string]string{{"alinux2023", ""}: "", {"rocky9", ""}: "CustomAmi", {"rocky8", "3.14.0"}: "CustomAmi",
		{"centos7", ""}: "3.12 and later refuse it", {"ubuntu2004", "3.13.0"}: "", {"ubuntu2004", ""}: "3.14 and later refuse it"} {
		if notes := (Cluster{OS: c[0]}).Notes(c[1]); (note == "") != (len(notes) == 0) || note != "" && !strings.Contains(notes[0], note) {
			t.Errorf("%s with %q: %q", c[0], c[1], notes)
		}
	}
}
