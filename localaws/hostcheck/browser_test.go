package hostcheck_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/lambda/runtimeapi"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/browser"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// A browser that takes another site's name for this machine's address, as it does when
// that site changes where its name points to, is refused by each listener of the cloud.
func TestABrowserThatIsRebound(t *testing.T) {
	cloud := localtest.Start(t, localaws.Options{IMDS: localaws.IMDS{Listen: "127.0.0.1:0", Role: localaws.Role{Name: "machine"}}})
	runtime := check.Must[*runtimeapi.Server](t)(runtimeapi.Start())
	defer runtime.Close()
	workspace := check.Must[*grafana.CreateWorkspaceOutput](t)(grafana.NewFromConfig(cloud.Operator()).CreateWorkspace(t.Context(),
		&grafana.CreateWorkspaceInput{
			AccountAccessType: types.AccountAccessTypeCurrentAccount, PermissionType: types.PermissionTypeServiceManaged,
			AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso}, WorkspaceName: aws.String("w")}))
	const refusal = "does not accept the host name"
	listeners := map[string]browser.Listener{}
	for name, address := range map[string]string{
		"the cloud":      cloud.URL() + localaws.HealthPath,
		"the metadata":   cloud.MetadataURL() + "/latest/api/token",
		"a Grafana":      "http://" + *workspace.Workspace.Endpoint + "/healthz",
		"a Lambda's API": "http://" + runtime.Addr() + "/2018-06-01/runtime/invocation/x/response",
	} {
		listeners[name] = browser.Listener{URL: address, Refusal: refusal}
		if resp := check.Must[*http.Response](t)(http.Get(address)); resp.StatusCode == http.StatusForbidden {
			t.Errorf("%s is refused by its address too", address)
		}
	}
	browser.ExpectRefusals(t, listeners)
}
