package hostcheck_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/chromedp/chromedp"

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
	listeners := map[string]string{
		"the cloud":      cloud.URL() + localaws.HealthPath,
		"the metadata":   cloud.MetadataURL() + "/latest/api/token",
		"a Grafana":      "http://" + *workspace.Workspace.Endpoint + "/healthz",
		"a Lambda's API": "http://" + runtime.Addr() + "/2018-06-01/runtime/invocation/x/response",
	}
	b := browser.Start(t, 800, 600, chromedp.Flag("host-resolver-rules", "MAP rebound.example.com 127.0.0.1"))
	b.Expect("403 (Forbidden)", "404 (Not Found)", "405 (Method Not Allowed)", "400 (Bad Request)")
	for name, address := range listeners {
		t.Run(name, func(t *testing.T) {
			b := b.Of(t)
			host, path, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
			_, port := split(t, host)
			if resp := check.Must[*http.Response](t)(http.Get(address)); resp.StatusCode == http.StatusForbidden {
				t.Errorf("%s is refused by its address too", address)
			}
			b.Do(chromedp.Navigate("http://rebound.example.com:" + port + "/" + path))
			b.Await(`location.hostname == "rebound.example.com" && document.body.innerText.includes("may be another site's name for it")`)
			// The page's own requests: to what the browser takes for its own site.
			read, err := chromedp.Run(b.Context, chromedp.Evaluate[string](`Promise.all(["GET", "POST", "PUT"].map(async method => {
				const r = await fetch(location.href, {method});
				return r.status + ((await r.text()).includes("another site") ? " refused" : " read");
			})).then(all => all.join())`, chromedp.EvalAwaitPromise))
			if err != nil || read != "403 refused,403 refused,403 refused" {
				t.Errorf("the page gets %q, %v", read, err)
			}
		})
	}
}

func split(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	check.OK(t, err)
	return host, port
}
