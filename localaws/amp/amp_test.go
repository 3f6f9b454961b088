package amp_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// cloud is AMP behind the gateway.
type cloud struct {
	*servicetest.Base
	ask func(gateway.Ask) // is told what is authorized, if it is set
}

func start(t *testing.T, dir string, delay time.Duration) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir)}
	c.Key = check.Must[principal.AccessKey](t)(c.Keys.ServiceKey("tests.amazonaws.com"))
	service, err := amp.New(amp.Options{
		State: c.State, Dir: filepath.Join(dir, "amp"), BaseURL: c.URL, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger,
		CreateDelay: delay, DeleteDelay: delay, DocumentDelay: delay,
	})
	check.OK(t, err)
	c.Serve(gateway.Options{Services: service.Services(), Authorize: func(a gateway.Ask) (gateway.Decision, error) {
		if c.ask != nil {
			c.ask(a)
		}
		return gateway.AllowAll(a)
	}}, service.Close)
	return c
}

func (c *cloud) client(region string) *sdk.Client { return sdk.NewFromConfig(c.Config(region)) }

func create(t *testing.T, client *sdk.Client, alias string) string {
	t.Helper()
	out, err := client.CreateWorkspace(t.Context(),
		&sdk.CreateWorkspaceInput{Alias: aws.String(alias), Tags: map[string]string{"cluster": "c1"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Status.StatusCode != types.WorkspaceStatusCodeCreating || !strings.HasPrefix(*out.WorkspaceId, "ws-") ||
		*out.Arn != "arn:aws:aps:us-east-2:111122223333:workspace/"+*out.WorkspaceId {
		t.Fatalf("created %s %s %s", *out.WorkspaceId, *out.Arn, out.Status.StatusCode)
	}
	return *out.WorkspaceId
}

func describe(ctx context.Context, client *sdk.Client, id string) (*types.WorkspaceDescription, error) {
	out, err := client.DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil {
		return nil, err
	}
	return out.Workspace, nil
}

// isError reports whether err is AWS's error of this code with this in its text.
func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}

func TestLifeOfAWorkspace(t *testing.T) {
	c := start(t, t.TempDir(), time.Minute)
	client := c.client("us-east-2")
	id := create(t, client, "  prod ")

	w, err := describe(t.Context(), client, id)
	if err != nil || w.Status.StatusCode != types.WorkspaceStatusCodeCreating {
		t.Fatalf("at first: %v, %v", w, err)
	}
	if _, err := client.UpdateWorkspaceAlias(t.Context(),
		&sdk.UpdateWorkspaceAliasInput{WorkspaceId: &id, Alias: aws.String("x")}); !isError(err, "ConflictException", "CREATING") {
		t.Errorf("alias of a workspace in creation: %v", err)
	}
	c.Clock.Set(time.Minute)
	w, err = describe(t.Context(), client, id)
	if err != nil || w.Status.StatusCode != types.WorkspaceStatusCodeActive || *w.Alias != "prod" ||
		*w.PrometheusEndpoint != c.URL()+"/workspaces/"+id+"/" {
		t.Fatalf("after a minute: %v, %v", w, err)
	}
	if age := time.Since(*w.CreatedAt); age < -time.Second || age > time.Minute {
		t.Errorf("created at %s", w.CreatedAt)
	}
	if _, err := client.UpdateWorkspaceAlias(t.Context(),
		&sdk.UpdateWorkspaceAliasInput{WorkspaceId: &id, Alias: aws.String("renamed")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &id}); err != nil {
		t.Fatal(err)
	}
	w, err = describe(t.Context(), client, id)
	if err != nil || w.Status.StatusCode != types.WorkspaceStatusCodeDeleting || *w.Alias != "renamed" {
		t.Fatalf("after its deletion: %v, %v", w, err)
	}
	c.Clock.Set(2*time.Minute + time.Second)
	_, err = describe(t.Context(), client, id)
	gone, ok := errors.AsType[*types.ResourceNotFoundException](err)
	if !ok || *gone.ResourceId != id || *gone.ResourceType != "workspace" {
		t.Errorf("a minute later: %v", err)
	}
}

func TestListWorkspaces(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	var prod []string
	for range 5 {
		prod = append(prod, create(t, client, "prod"))
		create(t, client, "test")
	}
	slices.Sort(prod)
	var got []string
	pages := sdk.NewListWorkspacesPaginator(client, &sdk.ListWorkspacesInput{Alias: aws.String("pro"), MaxResults: aws.Int32(2)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range page.Workspaces {
			got = append(got, *w.WorkspaceId)
		}
	}
	if diff := cmp.Diff(prod, got); diff != "" || n != 3 {
		t.Errorf("%d pages: %s", n, diff)
	}
	for _, in := range []*sdk.ListWorkspacesInput{{MaxResults: aws.Int32(1001)}, {MaxResults: aws.Int32(-1)},
		{NextToken: aws.String("nonsense")}} {
		if _, err := client.ListWorkspaces(t.Context(), in); !isError(err, "ValidationException", "") {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func TestClientTokens(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	in := &sdk.CreateWorkspaceInput{Alias: aws.String("a"), ClientToken: aws.String("token"), Tags: map[string]string{"x": "1", "y": "2"}}
	first, err := client.CreateWorkspace(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.CreateWorkspace(t.Context(), in)
	if err != nil || *again.WorkspaceId != *first.WorkspaceId {
		t.Errorf("the same request again: %v, %v", again, err)
	}
	in.Alias = aws.String("b")
	if _, err := client.CreateWorkspace(t.Context(), in); !isError(err, "ConflictException", "client token") {
		t.Errorf("another request with its token: %v", err)
	}
	in.ClientToken = aws.String("t\u00f6ken")
	if _, err := client.CreateWorkspace(t.Context(), in); !isError(err, "ValidationException", "clientToken") {
		t.Errorf("a token that is none: %v", err)
	}
}

// TestClientTokensOfChanges repeats each change with its token after another
// change was made: the repetition must not undo that.
func TestClientTokensOfChanges(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	token := aws.String("token") // one for all: they are apart by operation
	alias := func(alias string, token *string) error {
		_, err := client.UpdateWorkspaceAlias(t.Context(), &sdk.UpdateWorkspaceAliasInput{WorkspaceId: &id, Alias: &alias, ClientToken: token})
		return err
	}
	window := func(seconds int32, token *string) error {
		_, err := client.UpdateWorkspaceConfiguration(t.Context(),
			&sdk.UpdateWorkspaceConfigurationInput{WorkspaceId: &id, OutOfOrderTimeWindowInSeconds: &seconds, ClientToken: token})
		return err
	}
	if err := errors.Join(alias("first", token), alias("second", nil), alias("first", token), window(100, token), window(200, nil),
		window(100, token)); err != nil {
		t.Fatal(err)
	}
	w, err := describe(t.Context(), client, id)
	if err != nil || *w.Alias != "second" {
		t.Errorf("the alias is %v, %v, want second", w, err)
	}
	got, err := client.DescribeWorkspaceConfiguration(t.Context(), &sdk.DescribeWorkspaceConfigurationInput{WorkspaceId: &id})
	if err != nil || *got.WorkspaceConfiguration.OutOfOrderTimeWindowInSeconds != 200 {
		t.Errorf("the configuration is %v, %v, want a window of 200 s", got, err)
	}
	for name, err := range map[string]error{"alias": alias("third", token), "configuration": window(300, token)} {
		if !isError(err, "ConflictException", "client token") {
			t.Errorf("another %s with its token: %v", name, err)
		}
	}
	for range 2 {
		if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &id, ClientToken: token}); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &id}); !isError(err, "ResourceNotFoundException",
		"") {
		t.Errorf("delete with another token: %v", err)
	}
	if _, err := client.DeleteWorkspace(t.Context(),
		&sdk.DeleteWorkspaceInput{WorkspaceId: &id, ClientToken: aws.String("t\u00f6ken")}); !isError(err, "ValidationException", "clientToken") {
		t.Errorf("a token that is none: %v", err)
	}
}

func TestValidation(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	_, err := client.CreateWorkspace(t.Context(), &sdk.CreateWorkspaceInput{Alias: aws.String(strings.Repeat("ä", 101))})
	invalid, ok := errors.AsType[*types.ValidationException](err)
	if !ok || invalid.Reason != types.ValidationExceptionReasonFieldValidationFailed || len(invalid.FieldList) != 1 ||
		*invalid.FieldList[0].Name != "alias" {
		t.Errorf("alias of 101 characters: %v", err)
	}
	create(t, client, strings.Repeat("ä", 100))
	for name, tags := range map[string]map[string]string{"aws:": {"aws:x": "1"}, "key": {"a*b": "1"}, "value": {"a": "b*"}} {
		if _, err := client.CreateWorkspace(t.Context(), &sdk.CreateWorkspaceInput{Tags: tags}); !isError(err, "ValidationException", "tags") {
			t.Errorf("tag with a bad %s: %v", name, err)
		}
	}
	if _, err := describe(t.Context(), client, "ws-nobody"); !isError(err, "ResourceNotFoundException", "workspace not found") {
		t.Errorf("unknown workspace: %v", err)
	}
}

func TestQuota(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	for range 25 {
		create(t, c.client("us-east-2"), "w")
	}
	if _, err := c.client("us-east-2").CreateWorkspace(t.Context(), nil); !isError(err, "ServiceQuotaExceededException",
		"Limit exceeded. Maximum workspaces per account.") {
		t.Errorf("26th workspace: %v", err)
	}
	if _, err := c.client("eu-west-1").CreateWorkspace(t.Context(), nil); err != nil {
		t.Errorf("first workspace of another region: %v", err)
	}
}

func TestRegionsAreApart(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	id := create(t, c.client("us-east-2"), "w")
	other := c.client("eu-west-1")
	if _, err := describe(t.Context(), other, id); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("describe from another region: %v", err)
	}
	if out, err := other.ListWorkspaces(t.Context(), nil); err != nil || len(out.Workspaces) != 0 {
		t.Errorf("list from another region: %v, %v", out, err)
	}
}

func TestConfiguration(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	id := create(t, client, "w")
	read := func() *types.WorkspaceConfigurationDescription {
		out, err := client.DescribeWorkspaceConfiguration(t.Context(), &sdk.DescribeWorkspaceConfigurationInput{WorkspaceId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return out.WorkspaceConfiguration
	}
	if got := read(); *got.RetentionPeriodInDays != 150 || *got.OutOfOrderTimeWindowInSeconds != 60 || *got.RuleQueryOffsetInSeconds != 60 ||
		got.Status.StatusCode != "ACTIVE" {
		t.Errorf("a new workspace has %+v", got)
	}
	if _, err := client.UpdateWorkspaceConfiguration(t.Context(), &sdk.UpdateWorkspaceConfigurationInput{
		WorkspaceId: &id, OutOfOrderTimeWindowInSeconds: aws.Int32(600),
		LimitsPerLabelSet: []types.LimitsPerLabelSet{{LabelSet: map[string]string{"team": "a"},
			Limits: &types.LimitsPerLabelSetEntry{MaxSeries: aws.Int64(10)}}},
	}); err != nil {
		t.Fatal(err)
	}
	if got := read(); *got.RetentionPeriodInDays != 150 || *got.OutOfOrderTimeWindowInSeconds != 600 ||
		*got.LimitsPerLabelSet[0].Limits.MaxSeries != 10 {
		t.Errorf("after the update %+v", got)
	}
	limits := func(set map[string]string, n int64) []types.LimitsPerLabelSet {
		return []types.LimitsPerLabelSet{{LabelSet: set, Limits: &types.LimitsPerLabelSetEntry{MaxSeries: &n}}}
	}
	for name, in := range map[string]*sdk.UpdateWorkspaceConfigurationInput{
		"nothing":                       {},
		"retentionPeriodInDays":         {RetentionPeriodInDays: aws.Int32(1096)},
		"outOfOrderTimeWindowInSeconds": {OutOfOrderTimeWindowInSeconds: aws.Int32(601)},
		"ruleQueryOffsetInSeconds":      {RuleQueryOffsetInSeconds: aws.Int32(-1)},
		"negative maxSeries":            {LimitsPerLabelSet: limits(map[string]string{"team": "a"}, -5)},
		"label name":                    {LimitsPerLabelSet: limits(map[string]string{"te-am": "a"}, 5)},
		"blank label value":             {LimitsPerLabelSet: limits(map[string]string{"team": " "}, 5)},
		"label value":                   {LimitsPerLabelSet: limits(map[string]string{"team": "\u00e4"}, 5)},
	} {
		in.WorkspaceId = &id
		if _, err := client.UpdateWorkspaceConfiguration(t.Context(), in); !isError(err, "ValidationException", "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfigurationWithoutItsParts sends what the SDK refuses to send.
func TestConfigurationWithoutItsParts(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	path := "/workspaces/" + create(t, c.client("us-east-2"), "w") + "/configuration"
	for body, says := range map[string]string{
		`{"limitsPerLabelSet": [{}]}`:                                `"name":"limitsPerLabelSet.1.member.labelSet"`,
		`{"limitsPerLabelSet": [{"labelSet": {}}]}`:                  `"name":"limitsPerLabelSet.1.member.limits"`,
		`{"limitsPerLabelSet": [{"limits": {"maxSeries": 1}}]}`:      `"name":"limitsPerLabelSet.1.member.labelSet"`,
		`{"limitsPerLabelSet": [{"labelSet": {}, "limits": {}}, 7]}`: `"reason":"CANNOT_PARSE"`,
	} {
		if status, answer := c.do(t, "us-east-2", "PATCH", path, "application/json", body); status != 400 || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s, want 400 with %s", body, status, answer, says)
		}
	}
	if status, answer := c.do(t, "us-east-2", "PATCH", path, "application/json",
		`{"limitsPerLabelSet": [{"labelSet": {}, "limits": {}}]}`); status != 202 {
		t.Errorf("a default bucket without a limit: %d %s", status, answer)
	}
}

func TestTags(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	client := c.client("us-east-2")
	arn := aws.String("arn:aws:aps:us-east-2:111122223333:workspace/" + create(t, client, "w"))
	if _, err := client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"owner": "Ann B"}}); err !=
		nil {
		t.Fatal(err)
	}
	if _, err := client.UntagResource(t.Context(),
		&sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"cluster", "never there"}}); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || !cmp.Equal(out.Tags, map[string]string{"owner": "Ann B"}) {
		t.Errorf("%v, %v", out, err)
	}
	for arn, code := range map[string]string{
		"arn:aws:aps:us-east-2:111122223333:workspace/ws-none":                                    "ResourceNotFoundException",
		"arn:aws:aps:us-east-2:999999999999" + (*arn)[len("arn:aws:aps:us-east-2:111122223333"):]: "ResourceNotFoundException",
		"ws-none": "ValidationException",
	} {
		if _, err := client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: &arn}); !isError(err, code, "") {
			t.Errorf("%s: %v, want %s", arn, err, code)
		}
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, 0)
	client := c.client("us-east-2")
	kept, deleted := create(t, client, "kept"), create(t, client, "deleted")
	if _, err := client.DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: &deleted}); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	client = start(t, dir, 0).client("us-east-2")
	if w, err := describe(t.Context(), client, kept); err != nil || *w.Alias != "kept" || w.Tags["cluster"] != "c1" {
		t.Errorf("after a restart: %v, %v", w, err)
	}
	if _, err := describe(t.Context(), client, deleted); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("the deleted one: %v", err)
	}
}

func TestNegativeOptions(t *testing.T) {
	for name, o := range map[string]amp.Options{
		"the ingestion rate is -1":         {Limits: dataplane.Limits{IngestionRate: -1}},
		"the ingestion burst is -1":        {Limits: dataplane.Limits{IngestionBurst: -1}},
		"the limit of active series is -1": {Limits: dataplane.Limits{ActiveSeries: -1}},
		"the delay of creation":            {CreateDelay: -1},
		"the delay of deletion":            {DeleteDelay: -1},
	} {
		o.State, o.Now = openState(t), time.Now
		if _, err := amp.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryOperationIsKnown compares the table with the operations that the SDK has.
func TestEveryOperationIsKnown(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/amp").Output()
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
	service, err := amp.New(amp.Options{State: openState(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range service.Services()[0].Operations {
		got = append(got, op.Name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations of the SDK (-) and of the table (+):\n%s", diff)
	}
}

func openState(t *testing.T) *state.DB {
	t.Helper()
	db, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
