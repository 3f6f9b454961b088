package viewer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	scripts "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// odd are dashboards that the API takes, as people and programs write them.
var odd = map[string]struct{ dashboard, shows string }{
	"no panels": {`{"title":"odd"}`, `document.querySelector(".start h2").innerText.includes("no panels yet")`},
	"null panels": {`{"title":"odd","panels":null,"templating":null,"time":null,"refresh":false,"tags":null}`,
		`document.querySelector(".start h2") !== null`},
	"no place": {`{"title":"odd","panels":[{"type":"timeseries","title":"one","targets":[{"expr":"node_load1"}]},{"type":"stat","targets":[{"expr":"count(up)"}]}]}`, `document.querySelectorAll(".panel canvas").length == 1 && document.querySelector(".stat .value").innerText == "3"`},
	"half a place": {`{"title":"odd","panels":[{"type":"stat","gridPos":{"x":20,"w":99},"targets":[{"refId":"A","expr":"count(up)"}]}]}`,
		`document.querySelector(".stat .value").innerText == "3"`},
	"null targets": {`{"title":"odd","panels":[{"id":1,"type":"timeseries","targets":null},{"id":1,"type":"table","targets":[null]}]}`,
		`document.querySelectorAll(".panel").length == 2`},
	"null settings": {`{"title":"odd","panels":[{"type":"gauge","fieldConfig":null,"options":null,"targets":[{"expr":"count(up)"}]},{"type":"bargauge","fieldConfig":{"defaults":{"unit":"widgets","decimals":-1,"thresholds":{"steps":[]},"mappings":[null]},"overrides":[null]},"options":{"reduceOptions":{"calcs":null}},"targets":[{"expr":"count(up)"}]}]}`, `document.querySelector(".gauge text").textContent == "3" && document.querySelector(".bar .value").innerText == "3 widgets"`},
	"no type": {`{"title":"odd","panels":[{"targets":[{"expr":"node_load1"}]},{"type":"library-panel","libraryPanel":{"uid":"x"}}]}`,
		`document.querySelectorAll(".panel canvas").length == 1 && document.body.innerText.includes("library-panel")`},
	"variables": {`{"title":"odd","templating":{"list":[{"name":"a","type":"query","query":"label_values(node_load1, instance)"},{"name":"b","type":"custom"},{"type":"query"},null,{"name":"c","type":"adhoc","current":null}]},"panels":[{"type":"timeseries","targets":[{"expr":"node_load1{instance=\"$a\"}"}]}]}`, `document.querySelectorAll(".series").length == 1`},
	"rows":      {`{"title":"odd","panels":[{"type":"row","title":"r","panels":[{"type":"row","panels":[{"type":"stat","targets":[{"expr":"count(up)"}]}]}]},{"type":"row","collapsed":true},{"type":"stat","targets":[{"expr":"1"}]}]}`, `document.querySelectorAll(".stat .value").length == 2`},
	"steps":     {`{"title":"odd","panels":[{"type":"table","transformations":[null,{"id":"organize"},{"id":"merge","options":null}],"targets":[{"expr":"up","format":"table","instant":true}]}]}`, `document.querySelectorAll("tbody tr").length == 3`},
	"others' kinds": {`{"title":"odd","panels":[{"type":"state-timeline","targets":[{"expr":"up"}]},{"type":"piechart","targets":[{"expr":"up","instant":true}]}]}`,
		`[...document.querySelectorAll(".panel")].every(p => p.querySelector("tbody tr")) &&
		[...document.querySelectorAll(".drawnas")].map(e => e.innerText.split(".")[0]).join("|") == "State timeline: its data as a table, the newest first|Pie chart: its data as a table, the newest first"`},
	"another's step": {`{"title":"odd","panels":[{"type":"table","transformations":[{"id":"fieldLookup","options":{}}],"targets":[{"expr":"up","format":"table","instant":true}]}]}`,
		`document.querySelector(".note").title == "Not applied here: the transformation fieldLookup" && document.querySelectorAll("tbody tr").length == 3`},
	"on one another": {`{"title":"odd","panels":[{"type":"stat","gridPos":{"x":0,"y":0,"w":6,"h":4},"targets":[{"expr":"1"}]},{"type":"stat","gridPos":{"x":0,"y":0,"w":6,"h":4},"targets":[{"expr":"2"}]}]}`, `(([a, b]) => a && b && a.getBoundingClientRect().bottom <= b.getBoundingClientRect().top)(document.querySelectorAll(".panel"))`},
}

// TestOddDashboards: what Grafana fills in must not kill the page here.
func TestOddDashboards(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "bob@example.com")
	for name, d := range odd {
		t.Run(name, func(t *testing.T) {
			stored := strings.Replace(d.dashboard, "{", `{"uid":"odd",`, 1)
			c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(stored), "overwrite": true})
			b := b.Of(t)
			b.Do(chromedp.Navigate(c.url + "/d/odd"))
			b.Await(`document.querySelector("h1")?.innerText == "odd" && document.querySelectorAll(".panel.loading").length == 0`)
			b.Await(`!document.body.innerText.includes("cannot be drawn") && ` + d.shows)
		})
	}
}

func TestJSONIsReadOrRefused(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "bob@example.com")
	b.Do(chromedp.Navigate(c.url + "/dashboard/new"))
	apply := func(text string) {
		b.Do(chromedp.SetValue(chromedp.CSS("textarea.json"), text))
		b.Click("dialog button", "Apply")
	}
	b.Do(chromedp.Click(chromedp.CSS(`[aria-label="More"]`)))
	b.Click(".menu button", "View or edit JSON")
	for text, says := range map[string]string{`[]`: "a JSON object", `{"panels":{}}`: "are a list", `{`: "JSON"} {
		apply(text)
		b.Await(`document.querySelector("dialog .bad").innerText.includes(` + "`" + says + "`" + `)`)
	}
	apply(`{"title":"typed","panels":[{"type":"stat","targets":[{"expr":"count(up)"}]}]}`)
	b.Await(`document.querySelector("dialog") === null && document.querySelector("h1").innerText == "typed" && document.querySelector(".stat .value")?.innerText == "3"`)
}

func TestASaveThatFailsIsSaid(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.Expect("412 (Precondition Failed)")
	b.SignIn(c.url, "bob@example.com")
	store := func() {
		c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(`{"uid":"shared","title":"Shared"}`),
			"overwrite": true})
	}
	store()
	b.Do(chromedp.Navigate(c.url + "/d/shared"))
	b.Await(`document.querySelector("h1")?.innerText == "Shared"`)
	store() // somebody else
	b.Click(".head button", "Save")
	b.Await(`document.querySelector("dialog h2")?.innerText == "Another user has saved this dashboard"`)
	b.Await(`(window.fetch = () => Promise.reject(new Error("cut off"))) && true`)
	b.Click("dialog button", "Save over it")
	b.Await(`document.querySelector(".toast.bad")?.innerText.includes("does not answer")`)
}

func TestAnAddressThatAsksForNoTime(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "alice@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/overview?from=garbage&to=now&refresh=xyz&var-instance=head"))
	b.Await(`document.querySelector(".picker")?.innerText == "Last 1 hour" && document.querySelector(".timebar select").value == "30s"`)
	b.Await(`![...document.querySelectorAll(".timebar option")].some(o => o.value == "xyz")`)
	b.Await(`((said) => said.includes("garbage") && said.includes("xyz"))([...document.querySelectorAll(".toast.bad")].map(e => e.innerText).join())`)
	b.Await(`location.search == "?var-instance=head"`)
}

// holding keeps back, in the page, what variables ask until release is called, and notes
// the expressions that panels ask.
const holding = `(() => {
	const ask = window.fetch;
	const released = new Promise(r => window.release = r);
	window.asked = [];
	window.fetch = async (path, init) => {
		if (String(path).includes("/api/datasources/")) await released;
		if (String(path).includes("/api/ds/query")) window.asked.push(...JSON.parse(init.body).queries.map(q => q.expr));
		return ask(path, init);
	};
})()`

// TestARowOpenedWhileVariablesLoad: its panels ask once the variables have values.
func TestARowOpenedWhileVariablesLoad(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(`{"uid":"rows","title":"Rows",
		"templating":{"list":[{"name":"which","type":"query","datasource":{"type":"prometheus","uid":"amp"},"query":"label_values(up, instance)"}]},
		"panels":[{"id":1,"type":"row","title":"Closed","collapsed":true,
		"panels":[{"id":2,"type":"stat","targets":[{"refId":"A","expr":"count(up{instance=\"$which\"})"}]}]}]}`)})
	b.SignIn(c.url, "bob@example.com")
	check.Must[scripts.AddScriptToEvaluateOnNewDocumentResult](t)(chromedp.Call(b.Context, scripts.AddScriptToEvaluateOnNewDocument,
		scripts.AddScriptToEvaluateOnNewDocumentParams{Source: holding}))
	b.Do(chromedp.Navigate(c.url + "/d/rows"))
	b.Await("(e => { e?.click(); return !!e })(document.querySelector('.rowhead [aria-expanded=\"false\"]'))")
	b.Await(`document.querySelector(".panel") !== null && (release(), true)`)
	b.Await(`document.querySelector(".panel")?.dataset.state == "data"`)
	asked := check.Must[[]string](t)(chromedp.Run(b.Context, chromedp.Evaluate[[]string](`window.asked`)))
	if len(asked) != 1 || !strings.Contains(asked[0], `instance="`) || strings.Contains(asked[0], `instance=""`) {
		t.Errorf("the panel asked %q, want one expression with an instance", asked)
	}
}
