package namespace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// site is a workspace of the local cloud.
type site struct {
	namespace.Writer
	t *testing.T
}

func start(t *testing.T) site {
	t.Helper()
	client := amp.NewFromConfig(localtest.Start(t, localaws.Options{}).Operator())
	made, err := client.CreateWorkspace(t.Context(), &amp.CreateWorkspaceInput{})
	check.OK(t, err)
	s := site{namespace.Writer{Client: client, WorkspaceID: *made.WorkspaceId, Poll: 20 * time.Millisecond}, t}
	check.OK(t, amp.NewWorkspaceActiveWaiter(client, func(o *amp.WorkspaceActiveWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
	}).Wait(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId}, time.Minute))
	return s
}

// write writes the files and returns what was done, "ACTION" or "ACTION: ERROR", by name.
func (s site) write(files ...namespace.File) map[string]string {
	s.t.Helper()
	done, err := s.Write(s.t.Context(), files)
	check.OK(s.t, err)
	return outcomes(done)
}

func outcomes(done []namespace.Outcome) map[string]string {
	all := map[string]string{}
	for _, o := range done {
		all[o.Name] = string(o.Action)
		if o.Error != "" {
			all[o.Name] += ": " + o.Error
		}
	}
	return all
}

// make makes a namespace as somebody else does.
func (s site) make(name string, tags map[string]string) {
	s.t.Helper()
	_, err := s.Client.CreateRuleGroupsNamespace(s.t.Context(), &amp.CreateRuleGroupsNamespaceInput{WorkspaceId: &s.WorkspaceID, Name: &name,
		Data: []byte(file("theirs", "vector(7)")), Tags: tags})
	check.OK(s.t, err)
}

// data is the rule file of a namespace; "": there is none.
func (s site) data(name string) string {
	s.t.Helper()
	out, err := s.Client.DescribeRuleGroupsNamespace(s.t.Context(), &amp.DescribeRuleGroupsNamespaceInput{WorkspaceId: &s.WorkspaceID,
		Name: &name})
	if err != nil {
		return ""
	}
	return string(out.RuleGroupsNamespace.Data)
}

func file(group, expr string) string {
	return "groups:\n  - name: " + group + "\n    interval: 60s\n    rules:\n      - record: r\n        expr: " + expr + "\n"
}

func of(name, expr string) namespace.File {
	return namespace.File{Name: name, Data: []byte(file(name, expr)), Rules: 1}
}

// TestTheRulesThatShip are taken whole, and only once.
func TestTheRulesThatShip(t *testing.T) {
	s := start(t)
	files, err := namespace.Files(rules.Groups())
	check.OK(t, err)
	for _, want := range []string{"created", "unchanged"} {
		done := s.write(files...)
		for _, g := range rules.Groups() {
			if done[g.Name] != want || !strings.HasPrefix(g.Name, namespace.Prefix) {
				t.Errorf("%s: %s, want %s", g.Name, done[g.Name], want)
			}
		}
		if len(done) != len(rules.Groups()) {
			t.Errorf("%d namespaces of %d groups", len(done), len(rules.Groups()))
		}
	}
	states, err := s.List(t.Context())
	check.OK(t, err)
	for _, n := range states {
		if n.Status != "ACTIVE" {
			t.Errorf("%+v", n)
		}
	}
}

// TestOursFollowAndTheirsStay: a site's namespaces, whatever their names, are as they were.
func TestOursFollowAndTheirsStay(t *testing.T) {
	s := start(t)
	s.write(of("parascope-a", "1"), of("parascope-b", "1"), of("parascope-c", "1"))
	s.make("site", nil)
	s.make("parascope-site", map[string]string{"team": "hpc"})
	s.make("parascope-other", map[string]string{"parascope": "dashboards"})
	got := s.write(of("parascope-a", "1"), of("parascope-b", "2"), of("parascope-d", "1"))
	if diff := cmp.Diff(map[string]string{"parascope-a": "unchanged", "parascope-b": "updated", "parascope-c": "deleted",
		"parascope-d": "created"}, got); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"parascope-b": file("parascope-b", "2"), "parascope-c": "", "site": file("theirs", "vector(7)"),
		"parascope-site": file("theirs", "vector(7)"), "parascope-other": file("theirs", "vector(7)")} {
		if got := s.data(name); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
}

// TestANamespaceOfOurNameThatIsTheirs is an error that says so, and stays.
func TestANamespaceOfOurNameThatIsTheirs(t *testing.T) {
	s := start(t)
	s.make("parascope-a", nil)
	got := s.write(of("parascope-a", "1"), of("parascope-b", "1"))
	if !strings.Contains(got["parascope-a"], "failed: parascope did not create the existing namespace") ||
		got["parascope-b"] != "created" {
		t.Errorf("%v", got)
	}
	if s.data("parascope-a") != file("theirs", "vector(7)") {
		t.Error("it was changed")
	}
}

// TestRulesThatAMPRefuses are reported with AMP's reason; what was in force stays, and the
// other namespaces follow.
func TestRulesThatAMPRefuses(t *testing.T) {
	s := start(t)
	s.write(of("parascope-a", "1"), of("parascope-b", "1"))
	bad := of("parascope-a", "sum(")
	done, err := s.Write(t.Context(), []namespace.File{bad, of("parascope-b", "2"), of("parascope-c", "sum(")})
	check.OK(t, err)
	got := outcomes(done)
	if !strings.HasPrefix(got["parascope-a"], "failed: AMP refused the new rules: ") || !strings.Contains(got["parascope-a"], "parse error") ||
		!strings.HasSuffix(got["parascope-a"], "; the previous rules stay in effect") || got["parascope-b"] != "updated" ||
		!strings.HasPrefix(got["parascope-c"], "failed: AMP refused the rules: ") {
		t.Errorf("%v", got)
	}
	if s.data("parascope-a") != file("parascope-a", "1") {
		t.Errorf("in force: %s", s.data("parascope-a"))
	}
	says := namespace.Err(done).Error()
	for _, name := range []string{"namespace parascope-a: ", "namespace parascope-c: "} {
		if !strings.Contains(says, name) || strings.Contains(says, "parascope-b") {
			t.Errorf("%s", says)
		}
	}
	states, err := s.List(t.Context())
	check.OK(t, err)
	if states[0].Status != "UPDATE_FAILED" || states[0].Reason == "" || states[2].Status != "CREATION_FAILED" {
		t.Errorf("%+v", states)
	}
	// Good rules are taken again: the ones that are in force, too, or the failure would stay.
	for _, expr := range []string{"1", "3"} {
		if got := s.write(of("parascope-a", expr), of("parascope-b", "2"), of("parascope-c", expr)); strings.Contains(strings.Join([]string{
			got["parascope-a"], got["parascope-c"]}, " "), "failed") || s.data("parascope-c") != file("parascope-c", expr) {
			t.Errorf("%s: %v", expr, got)
		}
	}
}

// TestAFileThatIsNone is refused at once, and nothing else is kept from being written.
func TestAFileThatIsNone(t *testing.T) {
	s := start(t)
	got := s.write(namespace.File{Name: "parascope-a", Data: []byte("{"), Rules: 1}, of("parascope-b", "1"))
	if !strings.HasPrefix(got["parascope-a"], "failed: ") || got["parascope-b"] != "created" {
		t.Errorf("%v", got)
	}
}

func TestAWorkspaceThatIsNotThere(t *testing.T) {
	s := start(t)
	s.WorkspaceID = "ws-00000000-0000-0000-0000-000000000000"
	if done, err := s.Write(t.Context(), []namespace.File{of("parascope-a", "1")}); err == nil || done != nil ||
		!strings.Contains(err.Error(), "list the rule groups namespaces of workspace ws-0") {
		t.Errorf("%v, %v", done, err)
	}
}

// TestOne leaves all others alone, ours too.
func TestOne(t *testing.T) {
	s := start(t)
	s.write(of("parascope-a", "1"))
	check.OK(t, s.WriteOne(t.Context(), of("parascope-test", "1")))
	if s.data("parascope-a") == "" || s.data("parascope-test") == "" {
		t.Error("one is missing")
	}
	check.OK(t, s.Delete(t.Context(), "parascope-test"))
	check.OK(t, s.Delete(t.Context(), "parascope-test")) // it is gone already
	if s.data("parascope-a") == "" || s.data("parascope-test") != "" {
		t.Error("the wrong one was deleted")
	}
}
