package awsside

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// installed is a cloud with a whole stack, and somebody who may do everything.
type installed struct {
	t         *testing.T
	cloud     *localtest.Cloud
	cfg       aws.Config
	target    deploy.Target
	outputs   map[string]string
	resources map[string]string // physical ids by logical ones
	user      string            // that doctor is asked about
	hangs     []string          // checks that are given seconds, for they will not end
	env       *Env              // of the last run
}

func bringUp(t *testing.T) *installed {
	t.Helper()
	if _, err := artifact.LoadFunction(artifact.HostArchitecture()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("the stack needs the setup function, run make function: %v", err)
	}
	i := &installed{t: t, cloud: localtest.Start(t, localaws.Options{Users: []localaws.User{
		{Name: "deployer", Policy: parascope.DeployerPolicy}}}), target: deploy.Target{StackName: deploy.DefaultStack},
		resources: map[string]string{}}
	i.cfg = i.cloud.Operator()
	result, err := deploy.Up(t.Context(), i.cfg, deploy.UpOptions{Target: i.target,
		Package: artifact.PackageOptions{Architecture: artifact.HostArchitecture(), CreateBucket: true, Stack: i.target.StackName},
		People:  []people.Want{{Who: "alice@example.com", Role: "ADMIN"}, {Who: "bob@example.com", Role: "VIEWER"}}}, func(deploy.Event) {})
	check.OK(t, err)
	i.outputs = result.Outputs
	all, err := stack.New(i.cfg, i.target.StackName).Resources(t.Context(), i.target.StackName)
	check.OK(t, err)
	for _, r := range all {
		i.resources[r.LogicalID] = r.PhysicalID
	}
	return i
}

// doctor runs the checks of the stack.
func (i *installed) doctor() []doctor.Result {
	i.t.Helper()
	i.env = Begin(Env{Config: i.cfg, Target: i.target, Now: i.cloud.Clock.Now, User: i.user})
	list := Checks()
	for n, c := range list {
		if slices.Contains(i.hangs, c.ID) {
			list[n].Run = func(ctx context.Context, e *Env) doctor.Finding {
				ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
				defer cancel()
				f := c.Run(ctx, e)
				if ctx.Err() != nil {
					return doctor.Unsure("it hangs", "")
				}
				return f
			}
		}
	}
	all, err := doctor.Run(i.t.Context(), i.env, list, doctor.Options{AtOnce: 8, Bound: time.Minute}, func(doctor.Result) error { return nil })
	check.OK(i.t, err)
	return all
}

// finds wants exactly this check failed, with a text in its detail, and these unknown because
// of it; "": none failed.
func (i *installed) finds(what, id, says string, because ...string) {
	i.t.Helper()
	var failed, unknown []string
	for _, r := range i.doctor() {
		if r.Status == doctor.Failed {
			failed = append(failed, r.ID)
			if r.ID == id && (!strings.Contains(r.Detail, says) || r.Next == "") {
				i.t.Errorf("%s: %q, try %q; want %q in it", what, r.Detail, r.Next, says)
			}
		}
		if r.Because != "" {
			unknown = append(unknown, r.ID)
		}
		if r.Status == doctor.Unknown && r.Because == "" && r.ID != "user" {
			i.t.Errorf("%s: %s is unknown: %s", what, r.ID, r.Detail)
		}
	}
	var want []string
	if id != "" {
		want = []string{id}
	}
	if diff := gocmp.Diff(want, failed); diff != "" {
		i.t.Errorf("%s: failed %s", what, diff)
	}
	if diff := gocmp.Diff(because, unknown); diff != "" {
		i.t.Errorf("%s: unknown because of it %s", what, diff)
	}
}

// fix makes the repairs, which have to be for this check, and says how to undo it; "": there are none.
func (i *installed) fix(id string) (undo string) {
	i.t.Helper()
	all := i.doctor()
	fixes := i.env.Fixes(all)
	if len(fixes) == 0 && id == "" {
		return ""
	}
	if len(fixes) != 1 || fixes[0].Check != id || fixes[0].Undo == "" {
		i.t.Fatalf("repairs of %s: %+v", id, fixes)
	}
	check.OK(i.t, fixes[0].Do(i.t.Context()))
	return fixes[0].Undo
}

// grafana asks Grafana's own API, as an administrator.
func (i *installed) grafana(f func(*grafana.Client) error) {
	i.t.Helper()
	check.OK(i.t, connector.New(i.cfg, connector.DefaultOptions()).Borrow(i.t.Context(), i.outputs["ManagedGrafanaWorkspaceId"], f))
}

// source changes the data source.
func (i *installed) source(change func(*grafana.DataSource)) {
	i.sourceOf(connector.PrometheusName, change)
}

// sourceOf changes the data source of a name.
func (i *installed) sourceOf(name string, change func(*grafana.DataSource)) {
	i.t.Helper()
	i.grafana(func(c *grafana.Client) error {
		all, err := c.DataSources(i.t.Context())
		if err != nil {
			return err
		}
		for _, d := range all {
			if d.Name == name {
				uid := d.UID
				change(&d)
				return c.UpdateDataSource(i.t.Context(), uid, d)
			}
		}
		return nil
	})
}

func (i *installed) reconnect() {
	i.t.Helper()
	_, err := deploy.Connect(i.t.Context(), i.cfg, i.target)
	check.OK(i.t, err)
}

// fault asks the cloud's API for faults, as 'parascope local fault' does.
func (i *installed) fault(method, body string) {
	i.t.Helper()
	s := &site{cloud: i.cloud, cfg: i.cfg}
	resp := s.signed(i.t, method, i.cloud.URL()+localaws.FaultsPath, localaws.FaultsSigningName, "application/json", []byte(body))
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		i.t.Fatalf("%s %s: %s", resp.Status, body, text)
	}
}

var ofSources = []string{"data-source-default", "data-source-type", "data-source-auth", "data-source-place", "data-source-health"}

// TestStackAndFault breaks one thing after the other by AWS' and Grafana's own APIs, and
// repairs it again.
func TestStackAndFault(t *testing.T) {
	i := bringUp(t)
	i.finds("all is well", "", "")

	// People.
	ctx := t.Context()
	team, err := people.Open(ctx, i.cfg, i.outputs["ManagedGrafanaWorkspaceId"])
	check.OK(t, err)
	give := func(wants ...people.Want) {
		steps, err := team.Plan(ctx, wants, true)
		check.OK(t, err)
		_, err = team.Apply(ctx, steps)
		check.OK(t, err)
	}
	i.user = "carol@example.com"
	i.finds("a user without a role", "user", "carol@example.com is in Identity Center and has no role")
	i.fix("user")
	i.finds("the user has a role", "", "")
	i.user = "nobody@example.com"
	i.finds("a user that there is not", "user", "nobody@example.com")
	i.fix("")
	i.user = ""
	give()
	i.finds("nobody has a role", "users", "no user has a role in Grafana", "user")
	give(people.Want{Who: "alice@example.com", Role: "ADMIN"}, people.Want{Who: "bob@example.com", Role: "VIEWER"})
	members, err := team.Members(ctx)
	check.OK(t, err)
	instance := i.identityStore()
	for _, m := range members {
		if m.Email == "bob@example.com" {
			_, err := identitystore.NewFromConfig(i.cfg).DeleteUser(ctx, &identitystore.DeleteUserInput{IdentityStoreId: &instance, UserId: &m.ID})
			check.OK(t, err)
		}
	}
	i.finds("a user was deleted", "users-deleted", "role VIEWER is assigned to user")
	give(people.Want{Who: "alice@example.com", Role: "ADMIN"})

	i.breakSources()
	i.breakFunction()
	i.breakRights()
	i.breakNetwork()
	i.breakWorkspaces()
}

// identityStore is the id of the only one.
func (i *installed) identityStore() string {
	i.t.Helper()
	out, err := ssoadmin.NewFromConfig(i.cfg).ListInstances(i.t.Context(), &ssoadmin.ListInstancesInput{})
	check.OK(i.t, err)
	return *out.Instances[0].IdentityStoreId
}

func (i *installed) breakSources() {
	i.source(func(d *grafana.DataSource) { d.IsDefault = false })
	i.finds("no default", "data-source-default", "the default data source is none")
	i.reconnect()
	i.source(func(d *grafana.DataSource) { d.Type = "prometheus" })
	i.finds("the core plugin on Grafana 12", "data-source-type", "the data source's type is prometheus; Grafana 12.4 needs",
		"data-source-health")
	i.reconnect()
	i.source(func(d *grafana.DataSource) { d.JSONData["sigV4AuthType"] = "keys" })
	i.finds("other authentication", "data-source-auth", `provider is "keys"`, "data-source-health")
	i.source(func(d *grafana.DataSource) { d.JSONData["sigV4Auth"] = false })
	i.finds("no SigV4", "data-source-auth", "does not sign", "data-source-health")
	i.reconnect()
	i.source(func(d *grafana.DataSource) { d.JSONData["sigV4Region"] = "us-west-2" })
	i.finds("another region", "data-source-place", `signs for region "us-west-2"`, "data-source-health")
	i.reconnect()
	i.source(func(d *grafana.DataSource) { d.URL = strings.Replace(d.URL, "/ws-", "/ws-0", 1) })
	i.finds("another workspace", "data-source-place", "the stack's workspace is", "data-source-health")
	i.source(func(d *grafana.DataSource) { d.Name, d.UID = "Mine", "mine" })
	i.finds("no data source", "data-source", connector.PrometheusName, ofSources...)
	i.fix("data-source")
	i.finds("it is repaired", "", "")
}

func (i *installed) breakFunction() {
	role := iam.NewFromConfig(i.cfg)
	name := i.resources["SetupFunctionRole"]
	policy, err := role.GetRolePolicy(i.t.Context(), &iam.GetRolePolicyInput{RoleName: &name, PolicyName: aws.String("connect")})
	check.OK(i.t, err)
	document, err := url.QueryUnescape(*policy.PolicyDocument)
	check.OK(i.t, err)
	change := func(document string) {
		_, err := role.PutRolePolicy(i.t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("connect"),
			PolicyDocument: &document})
		check.OK(i.t, err)
	}
	change(strings.ReplaceAll(document, "grafana:CreateWorkspaceServiceAccount\"", "grafana:Nothing\""))
	i.finds("the function may not sign in", "grafana-answers", "grafana:CreateWorkspaceServiceAccount",
		append([]string{"data-source"}, ofSources...)...)
	if _, err := deploy.Connect(i.t.Context(), i.cfg, i.target); err == nil {
		i.t.Error("it connects without permission")
	}
	i.finds("its last run failed", "setup-function", "grafana:CreateWorkspaceServiceAccount",
		append([]string{"grafana-answers", "data-source"}, ofSources...)...)
	change(document)
	i.reconnect()

	// Grafana's API does not answer: that is unknown, and so is what needs it.
	i.fault(http.MethodPost, `{"kind":"hang","on":"grafana","share":1}`)
	i.hangs = []string{"grafana-workspace", "users", "users-deleted", "grafana-answers"}
	status, because := map[string]doctor.Status{}, []string(nil)
	for _, r := range i.doctor() {
		status[r.ID] = r.Status
		if r.Because == "grafana-answers" {
			because = append(because, r.ID)
		}
		if r.Status == doctor.Failed {
			i.t.Errorf("Grafana hangs: %s failed: %s", r.ID, r.Detail)
		}
	}
	i.fault(http.MethodDelete, "")
	i.hangs = nil
	if diff := gocmp.Diff(append([]string{"data-source"}, ofSources...), because); diff != "" {
		i.t.Errorf("Grafana hangs: unknown because of grafana-answers %s", diff)
	}
	for id, want := range map[string]doctor.Status{"stack": doctor.OK, "grafana-workspace": doctor.Unknown, "users": doctor.Unknown,
		"grafana-answers": doctor.Unknown, "data-source-health": doctor.Unknown, "query": doctor.OK, "route": doctor.OK} {
		if status[id] != want {
			i.t.Errorf("Grafana hangs: %s is %s, want %s", id, status[id], want)
		}
	}
}

func (i *installed) breakRights() {
	role := iam.NewFromConfig(i.cfg)
	name, policy := i.resources["GrafanaRole"], i.outputs["AMPQueryPolicyArn"]
	_, err := role.DetachRolePolicy(i.t.Context(), &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
	check.OK(i.t, err)
	i.finds("Grafana's role may not query", "grafana-permissions", "has no permission for aps:QueryMetrics", "data-source-health")
	// Who may not ask IAM's simulator learns it from Grafana's answer.
	asked := i.cfg
	i.cfg = i.cloud.As("deployer")
	status := map[string]doctor.Status{}
	for _, r := range i.doctor() {
		status[r.ID] = r.Status
	}
	i.cfg = asked
	if status["grafana-permissions"] != doctor.Unknown || status["data-source-health"] != doctor.Failed {
		i.t.Errorf("without the simulator: %v", status)
	}
	_, err = role.AttachRolePolicy(i.t.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
	check.OK(i.t, err)
	i.fault(http.MethodPost, `{"kind":"error","on":"query","share":1}`)
	all := i.doctor()
	i.fault(http.MethodDelete, "")
	failed := map[string]bool{}
	for _, r := range all {
		failed[r.ID] = r.Status == doctor.Failed
	}
	if !failed["query"] || failed["grafana-answers"] || failed["data-source"] {
		i.t.Errorf("the workspace answers with errors: %v", failed)
	}
}

func (i *installed) breakNetwork() {
	nat := ec2.NewFromConfig(i.cfg)
	table := i.resources["PrivateRouteTable"]
	_, err := nat.DeleteRoute(i.t.Context(), &ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0")})
	check.OK(i.t, err)
	i.finds("a route was deleted", "route", "of compute nodes, has no default route")
	id := i.resources["NatGateway"]
	_, err = nat.CreateRoute(i.t.Context(), &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"),
		NatGatewayId: &id})
	check.OK(i.t, err)
	_, err = nat.DeleteNatGateway(i.t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: &id})
	check.OK(i.t, err)
	i.finds("the NAT gateway was deleted", "route", id)
}

// breakWorkspaces is the last: nothing is repaired. The route is still broken.
func (i *installed) breakWorkspaces() {
	has := func(what string, want ...string) {
		i.t.Helper()
		failed := map[string]bool{}
		for _, r := range i.doctor() {
			failed[r.ID] = r.Status == doctor.Failed
		}
		for _, id := range want {
			if !failed[id] {
				i.t.Errorf("%s: %s has not failed", what, id)
			}
		}
	}
	name := deploy.FunctionName(i.target.StackName)
	_, err := lambda.NewFromConfig(i.cfg).DeleteFunction(i.t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name})
	check.OK(i.t, err)
	has("the function was deleted", "setup-function")
	id := i.outputs["AMPWorkspaceId"]
	_, err = amp.NewFromConfig(i.cfg).DeleteWorkspace(i.t.Context(), &amp.DeleteWorkspaceInput{WorkspaceId: &id})
	check.OK(i.t, err)
	has("the workspace was deleted", "prometheus-workspace")
	id = i.outputs["ManagedGrafanaWorkspaceId"]
	_, err = amg.NewFromConfig(i.cfg).DeleteWorkspace(i.t.Context(), &amg.DeleteWorkspaceInput{WorkspaceId: &id})
	check.OK(i.t, err)
	has("the Grafana workspace was deleted", "grafana-workspace")
}

// TestTheClock: of the machine, which nothing but the test's clock can set.
func TestTheClock(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	for off, want := range map[time.Duration]doctor.Status{0: doctor.OK, 10 * time.Minute: doctor.Failed, -2 * time.Minute: doctor.Failed} {
		e := Begin(Env{Config: c.Operator(), Now: func() time.Time { return time.Now().Add(off) }})
		if f := checkClock(t.Context(), e); f.Status != want {
			t.Errorf("%s off: %+v", off, f)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := checkClock(ctx, Begin(Env{Config: c.Operator(), Now: time.Now})); f.Status != doctor.Unknown {
		t.Errorf("nobody asked: %+v", f)
	}
}

// TestNoNetwork: nothing is known, each with the reason.
func TestNoNetwork(t *testing.T) {
	c := localtest.Start(t, localaws.Options{})
	cfg := c.Operator()
	cfg.RetryMaxAttempts = 1
	c.Stop()
	all, err := doctor.Run(t.Context(), Begin(Env{Config: cfg, Target: deploy.Target{StackName: "s"}, Now: time.Now}), Checks(),
		doctor.Options{AtOnce: 8, Bound: time.Minute}, func(doctor.Result) error { return nil })
	check.OK(t, err)
	for _, r := range all {
		want := doctor.Unknown
		if r.ID == "user" { // nobody was named
			want = doctor.Skipped
		}
		if r.Status != want || r.Detail == "" {
			t.Errorf("%s is %s: %s", r.ID, r.Status, r.Detail)
		}
	}
}
