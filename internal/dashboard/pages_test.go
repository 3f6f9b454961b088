package dashboard_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/localaws/localtest/browser"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// testPage opens the dashboard as a person does: every panel is drawn, or has no data
// on this machine, and none is broken. Dashboards with nothing to show here are left out.
func (s *site) testPage(t *testing.T, d dashboard.Dashboard) {
	if d.UID != "parascope-node" && d.UID != "parascope-pipeline" {
		return
	}
	b := browser.Start(t, 1360, 2400)
	b.SignIn("http://"+s.outputs["ManagedGrafanaWorkspaceEndpoint"], s.viewer(t))
	b.Do(chromedp.Navigate("http://" + s.outputs["ManagedGrafanaWorkspaceEndpoint"] + "/d/" + d.UID + "?from=now-5m&to=now"))
	b.Await(`document.querySelectorAll(".panel canvas").length > 0 && document.querySelectorAll(".panel.loading").length == 0`)
	b.Shot(d.UID)
	if broken := b.Text(".panel .bad"); broken != "" {
		t.Errorf("a panel says %q", broken)
	}
	b.Await(`document.querySelector(".panel .bad") === null`)
}

// viewer makes somebody of Identity Center a viewer and returns their e-mail address.
func (s *site) viewer(t *testing.T) (email string) {
	t.Helper()
	instances, err := ssoadmin.NewFromConfig(s.operator).ListInstances(t.Context(), &ssoadmin.ListInstancesInput{})
	check.OK(t, err)
	people, err := identitystore.NewFromConfig(s.operator).ListUsers(t.Context(),
		&identitystore.ListUsersInput{IdentityStoreId: instances.Instances[0].IdentityStoreId})
	check.OK(t, err)
	person := people.Users[0]
	_, err = amg.NewFromConfig(s.operator).UpdatePermissions(t.Context(), &amg.UpdatePermissionsInput{
		WorkspaceId: aws.String(s.outputs["ManagedGrafanaWorkspaceId"]),
		UpdateInstructionBatch: []types.UpdateInstruction{{Action: types.UpdateActionAdd, Role: types.RoleViewer,
			Users: []types.User{{Id: person.UserId, Type: types.UserTypeSsoUser}}}}})
	check.OK(t, err)
	return *person.Emails[0].Value
}
