package grafana_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdkamp "github.com/aws/aws-sdk-go-v2/service/amp"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
)

const (
	role  = "arn:aws:iam::111122223333:role/pcluster-infra-grafana"
	anna  = "91674a2b-c1d2-4e3f-8a9b-000000000001"
	group = "9067642ac7-91674a2b-c1d2-4e3f-8a9b-000000000002"
)

// cloud is AMG, AMP and CloudWatch behind one gateway. Its clock runs, and can be
// moved ahead; signatures allow five minutes.
type cloud struct {
	*servicetest.Base
	dir     string
	denied  atomic.Pointer[[]string] // actions that no policy allows
	asked   atomic.Pointer[gateway.Ask]
	service *grafana.Grafana
	metrics cloudwatch.Options
	noSSO   bool
}

// start opens the cloud on a directory; change may set further options.
func start(t *testing.T, dir string, change func(*grafana.Options)) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir), dir: dir}
	c.deny()
	access := c.Account()
	check.OK(t, access.EnsureRole(role[strings.LastIndex(role, "/")+1:], "grafana.amazonaws.com"))
	prometheus, err := amp.New(amp.Options{State: c.State, Dir: filepath.Join(dir, "amp"), BaseURL: c.URL, Now: c.Clock.Now,
		NewID: uuid.NewString, Logger: c.Logger})
	check.OK(t, err)
	o := grafana.Options{
		State: c.State, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger, CloudURL: c.URL,
		AssumeForService: func(arn, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error) {
			key, err := access.AssumeForService(arn, service, session, keys, lifetime)
			if err == nil && len(keys["aws:SourceArn"]) != 1 {
				err = fmt.Errorf("%s assumes %s with %v", service, arn, keys)
			}
			return key, err
		},
		OrganizationInstance: func() (bool, error) { return !c.noSSO, nil },
		InDirectory: func(kind, id string) (bool, error) {
			return kind == "SSO_USER" && id == anna || kind == "SSO_GROUP" && id == group, nil
		},
	}
	if change != nil {
		change(&o)
	}
	c.metrics = cloudwatch.Options{State: c.State}
	c.service, err = grafana.New(o)
	check.OK(t, err)
	services := slices.Concat(prometheus.Services(), []gateway.Service{c.service.Service(), logs()}, cloudwatch.Services(c.metrics))
	c.Serve(gateway.Options{Services: services, Authorize: c.authorize}, c.service.Close, prometheus.Close)
	return c
}

// logs is the one operation of CloudWatch Logs that a health check needs.
func logs() gateway.Service {
	return gateway.Service{Name: "logs", SigningName: "logs", TargetPrefix: "Logs_20140328", Protocol: gateway.JSON11,
		Operations: []gateway.Operation{{
			Name: "DescribeLogGroups", Action: "logs:DescribeLogGroups",
			Serve: func(w http.ResponseWriter, _ *gateway.Request) error {
				return gateway.WriteJSON(w, http.StatusOK, map[string]any{"logGroups": []any{}})
			},
		}}}
}

// deny makes the actions ones that nobody may do; all others everybody may.
func (c *cloud) deny(actions ...string) { c.denied.Store(&actions) }

func (c *cloud) authorize(ask gateway.Ask) (gateway.Decision, error) {
	if slices.Contains(*c.denied.Load(), ask.Action) {
		c.asked.Store(&ask)
		return gateway.Decision{Because: "no identity-based policy allows the " + ask.Action + " action"}, nil
	}
	return gateway.Decision{Allowed: true}, nil
}

func (c *cloud) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.Key.ID, c.Key.Secret, "")
}

func (c *cloud) client() *sdk.Client { return c.clientIn("us-east-2") }

func (c *cloud) clientIn(region string) *sdk.Client {
	return sdk.New(sdk.Options{Region: region, BaseEndpoint: aws.String(c.URL()), RetryMaxAttempts: 1, Credentials: c.credentials()})
}

func (c *cloud) prometheus() *sdkamp.Client {
	return sdkamp.New(sdkamp.Options{Region: "us-east-2", BaseEndpoint: aws.String(c.URL()), RetryMaxAttempts: 1,
		Credentials: c.credentials()})
}

func wanted() *sdk.CreateWorkspaceInput {
	return &sdk.CreateWorkspaceInput{
		AccountAccessType: types.AccountAccessTypeCurrentAccount, PermissionType: types.PermissionTypeCustomerManaged,
		WorkspaceRoleArn:        aws.String(role),
		AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso},
		WorkspaceName:           aws.String("pcluster"),
		WorkspaceDataSources:    []types.DataSourceType{types.DataSourceTypePrometheus, types.DataSourceTypeCloudwatch},
		Tags:                    map[string]string{"cluster": "c1"},
	}
}

func create(t *testing.T, client *sdk.Client, change func(*sdk.CreateWorkspaceInput)) *types.WorkspaceDescription {
	t.Helper()
	in := wanted()
	if change != nil {
		change(in)
	}
	out, err := client.CreateWorkspace(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Workspace
}

func describe(t *testing.T, client *sdk.Client, id *string) *types.WorkspaceDescription {
	t.Helper()
	out, err := client.DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: id})
	if err != nil {
		t.Fatal(err)
	}
	return out.Workspace
}

// isError reports whether err is AWS's error of this code with this in its text.
func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}

func get(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestLifeOfAWorkspace(t *testing.T) {
	c := start(t, t.TempDir(), func(o *grafana.Options) {
		o.CreateDelay, o.UpdateDelay, o.DeleteDelay = time.Minute, time.Minute, time.Minute
	})
	client := c.client()
	w := create(t, client, nil)
	if w.Status != types.WorkspaceStatusCreating || w.GrafanaVersion == nil || *w.GrafanaVersion != "12.4" || *w.WorkspaceRoleArn != role ||
		w.Tags["cluster"] != "c1" {
		t.Fatalf("created %+v", w)
	}
	if strings.Contains(*w.Endpoint, "://") || get(t, "http://"+*w.Endpoint+"/healthz") != http.StatusServiceUnavailable {
		t.Errorf("endpoint %s of a workspace in creation", *w.Endpoint)
	}
	account := &sdk.CreateWorkspaceServiceAccountInput{WorkspaceId: w.Id, Name: aws.String("a"), GrafanaRole: types.RoleAdmin}
	if _, err := client.CreateWorkspaceServiceAccount(t.Context(), account); !isError(err, "ConflictException", "CREATING") {
		t.Errorf("service account of a workspace in creation: %v", err)
	}
	if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: w.Id}); !isError(err, "ConflictException",
		"CREATING") {
		t.Errorf("deletion of a workspace in creation: %v", err)
	}
	c.Clock.Pass(time.Minute)
	if got := describe(t, client, w.Id); got.Status != types.WorkspaceStatusActive || *got.Endpoint != *w.Endpoint ||
		get(t, "http://"+*w.Endpoint+"/healthz") != http.StatusOK {
		t.Fatalf("after a minute %+v", got)
	}
	updated, err := client.UpdateWorkspace(t.Context(),
		&sdk.UpdateWorkspaceInput{WorkspaceId: w.Id, WorkspaceDescription: aws.String("of the cluster")})
	if err != nil || updated.Workspace.Status != types.WorkspaceStatusUpdating || *updated.Workspace.Name != "pcluster" ||
		*updated.Workspace.Description != "of the cluster" {
		t.Fatalf("updated: %+v, %v", updated, err)
	}
	c.Clock.Pass(time.Minute)
	if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: w.Id}); err != nil {
		t.Fatal(err)
	}
	if got := describe(t, client, w.Id); got.Status != types.WorkspaceStatusDeleting ||
		get(t, "http://"+*w.Endpoint+"/healthz") != http.StatusServiceUnavailable {
		t.Errorf("after its deletion %+v", got)
	}
	c.Clock.Pass(time.Minute)
	_, err = client.DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: w.Id})
	if gone, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || *gone.ResourceId != *w.Id {
		t.Errorf("a minute later: %v", err)
	}
	if status := get(t, "http://"+*w.Endpoint+"/healthz"); status != 0 {
		t.Errorf("the address of a deleted workspace answers %d", status)
	}
}

func TestWorkspacesThatAWSRefuses(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	for name, tc := range map[string]struct {
		change     func(*sdk.CreateWorkspaceInput)
		code, says string
	}{
		"no role": {func(in *sdk.CreateWorkspaceInput) { in.WorkspaceRoleArn = nil }, "ValidationException", "workspaceRoleArn is required"},
		"bad role": {func(in *sdk.CreateWorkspaceInput) {
			in.WorkspaceRoleArn = aws.String("grafana")
		}, "ValidationException", "workspaceRoleArn"},
		"name": {func(in *sdk.CreateWorkspaceInput) {
			in.WorkspaceName = aws.String("two words")
		}, "ValidationException", "workspaceName"},
		"description": {func(in *sdk.CreateWorkspaceInput) {
			in.WorkspaceDescription = aws.String("a\tb")
		}, "ValidationException", "workspaceDescription"},
		"version":  {func(in *sdk.CreateWorkspaceInput) { in.GrafanaVersion = aws.String("8.4") }, "ValidationException", "10.4"},
		"access":   {func(in *sdk.CreateWorkspaceInput) { in.AccountAccessType = "ALL" }, "ValidationException", "CURRENT_ACCOUNT"},
		"provider": {func(in *sdk.CreateWorkspaceInput) { in.AuthenticationProviders[0] = "LDAP" }, "ValidationException", "AWS_SSO"},
		"no provider": {func(in *sdk.CreateWorkspaceInput) {
			in.AuthenticationProviders = in.AuthenticationProviders[:0]
		}, "ValidationException", "at least one"},
		"data source": {func(in *sdk.CreateWorkspaceInput) { in.WorkspaceDataSources[0] = "MYSQL" }, "ValidationException", "PROMETHEUS"},
		"subnet": {func(in *sdk.CreateWorkspaceInput) {
			in.VpcConfiguration = &types.VpcConfiguration{SecurityGroupIds: []string{"sg"}, SubnetIds: []string{"a"}}
		}, "ValidationException", "subnetIds"},
		"settings":     {func(in *sdk.CreateWorkspaceInput) { in.Configuration = aws.String("[]") }, "ValidationException", "configuration"},
		"tag":          {func(in *sdk.CreateWorkspaceInput) { in.Tags = map[string]string{"aws:x": "1"} }, "ValidationException", "aws:"},
		"client token": {func(in *sdk.CreateWorkspaceInput) { in.ClientToken = aws.String("a b") }, "ValidationException", "clientToken"},
	} {
		in := wanted()
		tc.change(in)
		if _, err := c.client().CreateWorkspace(t.Context(), in); !isError(err, tc.code, tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.noSSO = true
	if _, err := c.client().CreateWorkspace(t.Context(), wanted()); !isError(err, "ValidationException", "SSO is not enabled in any region.") {
		t.Errorf("without Identity Center: %v", err)
	}
	create(t, c.client(), func(in *sdk.CreateWorkspaceInput) {
		in.AuthenticationProviders[0] = types.AuthenticationProviderTypesSaml // needs none
	})
	if out, err := c.client().ListWorkspaces(t.Context(), nil); err != nil || len(out.Workspaces) != 1 {
		t.Errorf("refused workspaces are there: %v, %v", out, err)
	}
}

func TestWhatACallerMustBeAllowed(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	network := func(in *sdk.CreateWorkspaceInput) {
		in.VpcConfiguration = &types.VpcConfiguration{SecurityGroupIds: []string{"sg-1"}, SubnetIds: []string{"subnet-1", "subnet-2"}}
	}
	for action, change := range map[string]func(*sdk.CreateWorkspaceInput){
		"grafana:CreateWorkspace": nil, "iam:PassRole": nil, "grafana:TagResource": nil, "ec2:DescribeSubnets": network,
		"ec2:DescribeSecurityGroups":    network,
		"sso:DescribeRegisteredRegions": nil, "sso:GetSharedSsoConfiguration": nil, "organizations:DescribeOrganization": nil,
		"sso:CreateManagedApplicationInstance": nil,
	} {
		c.deny(action)
		in := wanted()
		if change != nil {
			change(in)
		}
		_, err := c.client().CreateWorkspace(t.Context(), in)
		if !isError(err, "AccessDeniedException", "is not authorized to perform: "+action) {
			t.Errorf("without %s: %v", action, err)
		}
		if ask := c.asked.Load(); action == "iam:PassRole" &&
			(ask.Resource != role || ask.Keys["iam:PassedToService"][0] != "grafana.amazonaws.com") {
			t.Errorf("asked for %+v", ask)
		}
	}
	c.deny()
	id := create(t, c.client(), nil).Id
	c.deny("grafana:DescribeWorkspace", "sso:DeleteManagedApplicationInstance")
	_, err := c.client().DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: id})
	if !isError(err, "AccessDeniedException", "on resource: arn:aws:grafana:us-east-2:111122223333:/workspaces/"+*id) {
		t.Errorf("describe: %v", err)
	}
	if _, err := c.client().DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: id}); !isError(err, "AccessDeniedException",
		"sso:DeleteManagedApplicationInstance") {
		t.Errorf("delete: %v", err)
	}
}

func TestQuotaRegionsAndTokens(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	first := create(t, c.client(), func(in *sdk.CreateWorkspaceInput) { in.ClientToken = aws.String("t") })
	again := create(t, c.client(), func(in *sdk.CreateWorkspaceInput) { in.ClientToken = aws.String("t") })
	if *first.Id != *again.Id {
		t.Errorf("the same request made %s and %s", *first.Id, *again.Id)
	}
	other := wanted()
	other.ClientToken, other.WorkspaceName = aws.String("t"), aws.String("other")
	if _, err := c.client().CreateWorkspace(t.Context(), other); !isError(err, "ConflictException", "client token") {
		t.Errorf("another request with its token: %v", err)
	}
	for range 4 {
		create(t, c.client(), nil)
	}
	if _, err := c.client().CreateWorkspace(t.Context(), wanted()); !isError(err, "ServiceQuotaExceededException", "5") {
		t.Errorf("sixth workspace: %v", err)
	}
	if _, err := c.clientIn("eu-west-1").CreateWorkspace(t.Context(), wanted()); err != nil {
		t.Errorf("another region's first: %v", err)
	}
	if _, err := c.clientIn("eu-west-1").DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: first.Id}); !isError(err,
		"ResourceNotFoundException", "") {
		t.Errorf("from another region: %v", err)
	}
	count, pages := 0, sdk.NewListWorkspacesPaginator(c.client(), &sdk.ListWorkspacesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		count += len(out.Workspaces)
	}
	if count != 5 {
		t.Errorf("listed %d workspaces", count)
	}
}

func TestFaults(t *testing.T) {
	c := start(t, t.TempDir(), func(o *grafana.Options) {
		o.Faults = map[string]grafana.Fault{
			"failing": {Status: "CREATION_FAILED"}, "worn": {Status: "DEGRADED", Reason: "KMS key disabled"},
			"": {Refuse: http.StatusForbidden, RefuseFor: time.Minute},
		}
	})
	named := func(name string) *types.WorkspaceDescription {
		return create(t, c.client(), func(in *sdk.CreateWorkspaceInput) { in.WorkspaceName = aws.String(name) })
	}
	if w := named("failing"); w.Status != types.WorkspaceStatusCreationFailed ||
		get(t, "http://"+*w.Endpoint+"/healthz") != http.StatusServiceUnavailable {
		t.Errorf("failing: %s", w.Status)
	} else if _, err := c.client().DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: w.Id}); err != nil {
		t.Errorf("a failed workspace cannot be deleted: %v", err)
	}
	if w := named("worn"); w.Status != types.WorkspaceStatusDegraded || *w.DegradedWorkspaceReason != "KMS key disabled" ||
		get(t, "http://"+*w.Endpoint+"/healthz") != http.StatusOK {
		t.Errorf("worn: %s", w.Status)
	}
	w := named("other")
	if status := get(t, "http://"+*w.Endpoint+"/healthz"); status != http.StatusForbidden {
		t.Errorf("new workspace: %d", status)
	}
	c.Clock.Pass(time.Minute)
	if status := get(t, "http://"+*w.Endpoint+"/healthz"); status != http.StatusOK {
		t.Errorf("a minute later: %d", status)
	}
	if err := c.service.Break(*w.Id, grafana.Fault{Status: "FAILED"}); err != nil {
		t.Fatal(err)
	}
	if got := describe(t, c.client(), w.Id); got.Status != types.WorkspaceStatusFailed {
		t.Errorf("broken: %s", got.Status)
	}
}

func TestVersionsAndConfiguration(t *testing.T) {
	c := start(t, t.TempDir(), func(o *grafana.Options) { o.UpdateDelay = time.Minute })
	client := c.client()
	id := create(t, client, func(in *sdk.CreateWorkspaceInput) { in.GrafanaVersion = aws.String("9.4") }).Id
	if out, err := client.ListVersions(t.Context(), &sdk.ListVersionsInput{WorkspaceId: id}); err != nil ||
		!slices.Equal(out.GrafanaVersions, []string{"10.4", "12.4"}) {
		t.Errorf("upgrades of 9.4: %v, %v", out, err)
	}
	update := func(version string) error {
		_, err := client.UpdateWorkspaceConfiguration(t.Context(), &sdk.UpdateWorkspaceConfigurationInput{
			WorkspaceId: id, Configuration: aws.String(`{"plugins":{"pluginAdminEnabled":true}}`), GrafanaVersion: aws.String(version)})
		return err
	}
	if err := update("10.4"); err != nil {
		t.Fatal(err)
	}
	if w := describe(t, client, id); w.Status != types.WorkspaceStatusVersionUpdating {
		t.Errorf("while it goes up: %s", w.Status)
	}
	if err := update("12.4"); !isError(err, "ConflictException", "VERSION_UPDATING") {
		t.Errorf("two updates at once: %v", err)
	}
	c.Clock.Pass(time.Minute)
	if err := update("9.4"); !isError(err, "ValidationException", "only be upgraded") {
		t.Errorf("down: %v", err)
	}
	out, err := client.DescribeWorkspaceConfiguration(t.Context(), &sdk.DescribeWorkspaceConfigurationInput{WorkspaceId: id})
	if err != nil || *out.GrafanaVersion != "10.4" || *out.Configuration != `{"plugins":{"pluginAdminEnabled":true}}` {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestAuthentication(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	id := create(t, c.client(), nil).Id
	out, err := c.client().DescribeWorkspaceAuthentication(t.Context(), &sdk.DescribeWorkspaceAuthenticationInput{WorkspaceId: id})
	if err != nil || out.Authentication.AwsSso == nil || *out.Authentication.AwsSso.SsoClientId == "" || out.Authentication.Saml != nil {
		t.Errorf("%+v, %v", out, err)
	}
	saml, err := c.client().UpdateWorkspaceAuthentication(t.Context(), &sdk.UpdateWorkspaceAuthenticationInput{
		WorkspaceId: id, AuthenticationProviders: []types.AuthenticationProviderTypes{"SAML"},
		SamlConfiguration: &types.SamlConfiguration{IdpMetadata: &types.IdpMetadataMemberUrl{Value: "https://idp.example/"}},
	})
	if err != nil || saml.Authentication.Saml.Status != types.SamlConfigurationStatusConfigured {
		t.Errorf("%+v, %v", saml, err)
	}
	if w := describe(t, c.client(), id); w.Authentication.SamlConfigurationStatus != types.SamlConfigurationStatusConfigured {
		t.Errorf("%+v", w.Authentication)
	}
}

func TestTags(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	arn := aws.String("arn:aws:grafana:us-east-2:111122223333:/workspaces/" + *create(t, c.client(), nil).Id)
	if _, err := c.client().TagResource(t.Context(),
		&sdk.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"owner": "Ann B"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client().UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"cluster"}}); err != nil {
		t.Fatal(err)
	}
	out, err := c.client().ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || !cmp.Equal(out.Tags, map[string]string{"owner": "Ann B"}) {
		t.Errorf("%v, %v", out, err)
	}
	none := aws.String("arn:aws:grafana:us-east-2:111122223333:/workspaces/g-0000000000")
	if _, err := c.client().ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: none}); !isError(err,
		"ResourceNotFoundException", "") {
		t.Errorf("of none: %v", err)
	}
}

// TestEveryOperationIsKnown compares the table with the operations that the SDK has.
func TestEveryOperationIsKnown(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/grafana").Output()
	if err != nil {
		t.Fatalf("find the SDK's source: %v", err)
	}
	entries, err := os.ReadDir(strings.TrimSpace(string(dir)))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), "api_op_"); ok {
			want = append(want, strings.TrimSuffix(name, ".go"))
		}
	}
	for _, op := range start(t, t.TempDir(), nil).service.Service().Operations {
		got = append(got, op.Name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations of the SDK (-) and of the table (+):\n%s", diff)
	}
}
