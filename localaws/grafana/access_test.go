package grafana_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/localaws/grafana"
)

func instruct(action types.UpdateAction, role types.Role, kind types.UserType, ids ...string) types.UpdateInstruction {
	i := types.UpdateInstruction{Action: action, Role: role, Users: []types.User{}}
	for _, id := range ids {
		i.Users = append(i.Users, types.User{Id: aws.String(id), Type: kind})
	}
	return i
}

func TestPermissions(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	client := c.client()
	id := create(t, client, nil).Id
	update := func(batch ...types.UpdateInstruction) ([]types.UpdateError, error) {
		out, err := client.UpdatePermissions(t.Context(), &sdk.UpdatePermissionsInput{WorkspaceId: id, UpdateInstructionBatch: batch})
		if err != nil {
			return nil, err
		}
		return out.Errors, nil
	}
	list := func(in sdk.ListPermissionsInput) string {
		t.Helper()
		in.WorkspaceId = id
		out, err := client.ListPermissions(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range out.Permissions {
			all = append(all, string(p.Role)+" "+string(p.User.Type)+" "+*p.User.Id)
		}
		return strings.Join(all, ", ")
	}

	nobody := "91674a2b-c1d2-4e3f-8a9b-00000000dead"
	failed, err := update(instruct("ADD", "ADMIN", "SSO_USER", anna, nobody), instruct("ADD", "VIEWER", "SSO_GROUP", group))
	if err != nil || len(failed) != 1 || *failed[0].Code != 404 || *failed[0].CausedBy.Users[0].Id != nobody ||
		failed[0].CausedBy.Action != "ADD" {
		t.Fatalf("errors %+v, %v", failed, err)
	}
	if got, want := list(sdk.ListPermissionsInput{}), "VIEWER SSO_GROUP "+group+", ADMIN SSO_USER "+anna; got != want {
		t.Errorf("permissions %s, want %s", got, want)
	}
	if got := list(sdk.ListPermissionsInput{UserType: "SSO_GROUP"}); got != "VIEWER SSO_GROUP "+group {
		t.Errorf("groups: %s", got)
	}
	if got := list(sdk.ListPermissionsInput{UserId: aws.String(anna)}); got != "ADMIN SSO_USER "+anna {
		t.Errorf("of one user: %s", got)
	}
	if failed, err := update(instruct("ADD", "EDITOR", "SSO_USER", anna), instruct("REVOKE", "ADMIN", "SSO_GROUP", group)); err != nil ||
		len(failed) != 1 {
		t.Errorf("another role, and one that nobody has: %+v, %v", failed, err)
	}
	if failed, err := update(instruct("REVOKE", "VIEWER", "SSO_GROUP", group)); err != nil || len(failed) != 0 {
		t.Errorf("revoke: %+v, %v", failed, err)
	}
	if got := list(sdk.ListPermissionsInput{}); got != "EDITOR SSO_USER "+anna {
		t.Errorf("in the end %s", got)
	}
	if all, err := c.service.Permissions(*id); err != nil ||
		!slices.Equal(all, []grafana.Permission{{Role: "EDITOR", Type: "SSO_USER", ID: anna}}) {
		t.Errorf("Permissions: %v, %v", all, err)
	}

	for name, batch := range map[string][]types.UpdateInstruction{
		"an e-mail":  {instruct("ADD", "ADMIN", "SSO_USER", anna), instruct("ADD", "ADMIN", "SSO_USER", "anna@example.com")},
		"too long":   {instruct("ADD", "ADMIN", "SSO_USER", "0"+anna)},
		"no role":    {instruct("ADD", "OWNER", "SSO_USER", anna)},
		"no kind":    {instruct("ADD", "ADMIN", "ROBOT", anna)},
		"no action":  {instruct("SET", "ADMIN", "SSO_USER", anna)},
		"21 of them": slices.Repeat([]types.UpdateInstruction{instruct("ADD", "ADMIN", "SSO_USER", anna)}, 21),
	} {
		if _, err := update(batch...); !isError(err, "ValidationException", "updateInstructionBatch") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := client.ListPermissions(t.Context(), &sdk.ListPermissionsInput{WorkspaceId: id, UserId: aws.String(anna),
		GroupId: aws.String(group)}); !isError(err, "ValidationException", "mutually exclusive") {
		t.Errorf("user and group: %v", err)
	}
	for _, action := range []string{"sso:GetProfile", "sso-directory:DescribeUser"} {
		c.deny(action)
		if _, err := update(instruct("ADD", "ADMIN", "SSO_USER", anna)); !isError(err, "AccessDeniedException", action) {
			t.Errorf("without %s: %v", action, err)
		}
	}
	c.deny()
	if got := list(sdk.ListPermissionsInput{}); got != "EDITOR SSO_USER "+anna {
		t.Errorf("refused requests changed it to %s", got)
	}
}

func TestListPermissionsHasPages(t *testing.T) {
	var all []string
	c := start(t, t.TempDir(), func(o *grafana.Options) {
		o.InDirectory = func(string, string) (bool, error) { return true, nil }
	})
	id := create(t, c.client(), nil).Id
	for i := range 7 {
		all = append(all, fmt.Sprintf("91674a2b-c1d2-4e3f-8a9b-%012d", i))
	}
	if _, err := c.client().UpdatePermissions(t.Context(), &sdk.UpdatePermissionsInput{
		WorkspaceId: id, UpdateInstructionBatch: []types.UpdateInstruction{instruct("ADD", "VIEWER", "SSO_USER", all...)}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for pages := sdk.NewListPermissionsPaginator(c.client(),
		&sdk.ListPermissionsInput{WorkspaceId: id, MaxResults: aws.Int32(3)}); pages.HasMorePages(); {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range out.Permissions {
			got = append(got, *p.User.Id)
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("pages have %v", got)
	}
	for _, in := range []*sdk.ListPermissionsInput{{MaxResults: aws.Int32(101)}, {NextToken: aws.String("x")}} {
		in.WorkspaceId = id
		if _, err := c.client().ListPermissions(t.Context(), in); !isError(err, "ValidationException", "") {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func account(t *testing.T, client *sdk.Client, workspace *string, name string, role types.Role) *string {
	t.Helper()
	out, err := client.CreateWorkspaceServiceAccount(t.Context(), &sdk.CreateWorkspaceServiceAccountInput{WorkspaceId: workspace, Name: &name,
		GrafanaRole: role})
	if err != nil {
		t.Fatal(err)
	}
	return out.Id
}

func tokenOf(t *testing.T, client *sdk.Client, workspace, account *string, name string,
	seconds int32) (*types.ServiceAccountTokenSummaryWithKey, error) {
	t.Helper()
	out, err := client.CreateWorkspaceServiceAccountToken(t.Context(), &sdk.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: workspace, ServiceAccountId: account, Name: &name, SecondsToLive: &seconds})
	if err != nil {
		return nil, err
	}
	return out.ServiceAccountToken, nil
}

// ask makes a request to a workspace's Grafana and returns its status.
func ask(t *testing.T, endpoint, key, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+endpoint+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestServiceAccounts(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	client := c.client()
	w := create(t, client, nil)
	id := account(t, client, w.Id, "setup", types.RoleAdmin)
	if _, err := client.CreateWorkspaceServiceAccount(t.Context(),
		&sdk.CreateWorkspaceServiceAccountInput{WorkspaceId: w.Id, Name: aws.String("setup"), GrafanaRole: types.RoleViewer}); !isError(err,
		"ConflictException", "already exists") {
		t.Errorf("the same name again: %v", err)
	}
	for _, seconds := range []int32{0, 2592001} {
		if _, err := tokenOf(t, client, w.Id, id, "t", seconds); !isError(err, "ValidationException", "secondsToLive") {
			t.Errorf("token of %d s: %v", seconds, err)
		}
	}
	token, err := tokenOf(t, client, w.Id, id, "t", 60)
	if err != nil || !strings.HasPrefix(*token.Key, "glsa_") {
		t.Fatalf("%+v, %v", token, err)
	}
	if _, err := tokenOf(t, client, w.Id, id, "t", 60); !isError(err, "ConflictException", "already exists") {
		t.Errorf("the same token again: %v", err)
	}
	if status := ask(t, *w.Endpoint, *token.Key, "/api/org"); status != http.StatusOK {
		t.Errorf("with the token: %d", status)
	}
	list, err := client.ListWorkspaceServiceAccountTokens(t.Context(), &sdk.ListWorkspaceServiceAccountTokensInput{WorkspaceId: w.Id,
		ServiceAccountId: id})
	if err != nil || len(list.ServiceAccountTokens) != 1 || list.ServiceAccountTokens[0].LastUsedAt == nil ||
		list.ServiceAccountTokens[0].ExpiresAt.Sub(*list.ServiceAccountTokens[0].CreatedAt) != time.Minute {
		t.Errorf("tokens %+v, %v", list, err)
	}
	c.Clock.Pass(time.Minute)
	if status := ask(t, *w.Endpoint, *token.Key, "/api/org"); status != http.StatusUnauthorized {
		t.Errorf("with the token a minute later: %d", status)
	}
	second, err := tokenOf(t, client, w.Id, id, "second", 600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteWorkspaceServiceAccountToken(t.Context(), &sdk.DeleteWorkspaceServiceAccountTokenInput{WorkspaceId: w.Id,
		ServiceAccountId: id, TokenId: token.Id}); err != nil {
		t.Fatal(err)
	}
	accounts, err := client.ListWorkspaceServiceAccounts(t.Context(), &sdk.ListWorkspaceServiceAccountsInput{WorkspaceId: w.Id})
	if err != nil || len(accounts.ServiceAccounts) != 1 || *accounts.ServiceAccounts[0].IsDisabled != "false" ||
		accounts.ServiceAccounts[0].GrafanaRole != types.RoleAdmin {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	gone := &sdk.DeleteWorkspaceServiceAccountInput{WorkspaceId: w.Id, ServiceAccountId: id}
	if _, err := client.DeleteWorkspaceServiceAccount(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if status := ask(t, *w.Endpoint, *second.Key, "/api/org"); status != http.StatusUnauthorized {
		t.Errorf("with a token of the deleted account: %d", status)
	}
	if _, err := client.DeleteWorkspaceServiceAccount(t.Context(), gone); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestExpiredTokensCount(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	client := c.client()
	w := create(t, client, nil)
	id := account(t, client, w.Id, "setup", types.RoleAdmin)
	var last *types.ServiceAccountTokenSummaryWithKey
	for i := range 100 {
		var err error
		if last, err = tokenOf(t, client, w.Id, id, fmt.Sprint("t", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	c.Clock.Pass(2 * time.Second)
	other := account(t, client, w.Id, "other", types.RoleAdmin)
	if _, err := tokenOf(t, client, w.Id, other, "t", 1); !isError(err, "ServiceQuotaExceededException", "100") {
		t.Errorf("101st token: %v", err)
	}
	if _, err := client.DeleteWorkspaceServiceAccountToken(t.Context(), &sdk.DeleteWorkspaceServiceAccountTokenInput{WorkspaceId: w.Id,
		ServiceAccountId: id, TokenId: last.Id}); err != nil {
		t.Fatal(err)
	}
	if _, err := tokenOf(t, client, w.Id, other, "t", 1); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestAPIKeys(t *testing.T) {
	c := start(t, t.TempDir(), nil)
	client := c.client()
	w := create(t, client, func(in *sdk.CreateWorkspaceInput) { in.GrafanaVersion = aws.String("10.4") })
	in := &sdk.CreateWorkspaceApiKeyInput{WorkspaceId: w.Id, KeyName: aws.String("k"), KeyRole: aws.String("ADMIN"),
		SecondsToLive: aws.Int32(60)}
	key, err := client.CreateWorkspaceApiKey(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if status := ask(t, *w.Endpoint, *key.Key, "/api/datasources"); status != http.StatusOK {
		t.Errorf("with the key: %d", status)
	}
	if _, err := client.UpdateWorkspaceConfiguration(t.Context(),
		&sdk.UpdateWorkspaceConfigurationInput{WorkspaceId: w.Id, Configuration: aws.String("{}"), GrafanaVersion: aws.String("12.4")}); err !=
		nil {
		t.Fatal(err)
	}
	if status := ask(t, *w.Endpoint, *key.Key, "/api/datasources"); status != http.StatusUnauthorized {
		t.Errorf("with the key on 12: %d", status)
	}
	in.KeyName = aws.String("another")
	if _, err := client.CreateWorkspaceApiKey(t.Context(), in); !isError(err, "ValidationException", "service accounts") {
		t.Errorf("a key on 12: %v", err)
	}
	if _, err := client.DeleteWorkspaceApiKey(t.Context(),
		&sdk.DeleteWorkspaceApiKeyInput{WorkspaceId: w.Id, KeyName: aws.String("k")}); err != nil {
		t.Error(err)
	}
}
