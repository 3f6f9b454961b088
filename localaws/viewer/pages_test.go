package viewer_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/localaws/localtest/browser"
)

// tab is a browser on the pages of a dashboard.
type tab struct {
	*browser.Browser
	t *testing.T
}

func newTab(t *testing.T, width, height int) *tab {
	t.Helper()
	return &tab{browser.Start(t, width, height), t}
}

const drawn = `document.querySelectorAll(".panel canvas").length >= 6 && document.querySelectorAll(".panel.loading").length == 0`

func TestAViewerReadsWhatTheAPISays(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "alice@example.com")
	b.Click("nav a", "Data sources")
	b.Await(`document.querySelector(".source") !== null`)
	if got := b.Text(".source h2"); !strings.Contains(got, "Amazon Managed Prometheus") || !strings.Contains(got, "default") {
		t.Errorf("the data source reads %q", got)
	}
	b.Click(".source button", "Check health")
	b.Await(`document.querySelector(".result.good")?.innerText.includes("Successfully queried")`)
	b.Click("nav a", "Dashboards")
	b.Click("a.hit span", "Cluster overview")
	b.Await(drawn)
	b.Await(`document.querySelector(".stat .value")?.innerText == "3"`)
	if got := b.Text(".head"); strings.Contains(got, "Save") || strings.Contains(got, "Add panel") {
		t.Errorf("a viewer is offered %q", got)
	}
	title, number := "Memory used", b.hover("Memory used")
	want := c.valueAt(title, number.Series, number.Time)
	if math.Abs(number.Value-want) > 1 || number.Text != fmt.Sprintf("%.1f GiB", want/(1<<30)) &&
		number.Text != fmt.Sprintf("%.2f GiB", want/(1<<30)) {
		t.Errorf("at %d the page shows %v as %q, the API says %v", number.Time, number.Value, number.Text, want)
	}
	b.Shot("viewer")
}

// reading is a row of the box beside the pointer.
type reading struct {
	Series, Text string
	Value        float64
	Time         int64 // milliseconds
}

// hover moves the pointer over a panel's chart and reads what it shows.
func (b *tab) hover(title string) reading {
	b.t.Helper()
	type point struct{ X, Y float64 }
	at, err := chromedp.Run(b.Context, chromedp.Evaluate[point](fmt.Sprintf(`(() => {
		const over = document.querySelector('[aria-label=%q] .u-over');
		over.scrollIntoView({block: "nearest"});
		const box = over.getBoundingClientRect();
		return {X: box.left + box.width * 0.7, Y: box.top + box.height / 2};
	})()`, title)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X-3, at.Y), chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved,
		at.X, at.Y))
	b.Await(`document.querySelector(".tooltip:not([hidden]) .row") !== null`)
	got, err := chromedp.Run(b.Context, chromedp.Evaluate[reading](`(() => {
		const box = document.querySelector(".tooltip:not([hidden])"), row = box.querySelector(".row");
		return {Series: row.dataset.series, Value: Number(row.dataset.value), Text: row.querySelector("b").innerText, Time: Date.parse(box.querySelector(".when").innerText.replace(" ", "T"))};
	})()`))
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// valueAt asks Grafana's API for the panel's series at a time.
func (c *cloud) valueAt(title, series string, at int64) float64 {
	c.t.Helper()
	var stored struct {
		Dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
	}
	if err := json.Unmarshal(c.admin(http.MethodGet, "/api/dashboards/uid/overview", nil), &stored); err != nil {
		c.t.Fatal(err)
	}
	expr := ""
	for _, p := range stored.Dashboard.Panels {
		if p.Title == title {
			expr = strings.NewReplacer("$cluster", ".*", "$instance", ".*").Replace(p.Targets[0].Expr)
		}
	}
	var answer struct {
		Results map[string]struct {
			Frames []struct {
				Schema struct{ Name string }
				Data   struct{ Values [][]float64 }
			}
		}
	}
	raw := c.admin(http.MethodPost, "/api/ds/query", map[string]any{"from": "0", "to": fmt.Sprint(at), "queries": []map[string]any{
		{"refId": "A", "datasource": map[string]string{"uid": "amp"}, "expr": expr, "instant": true, "range": false,
			"legendFormat": "{{instance}}"}}})
	if err := json.Unmarshal(raw, &answer); err != nil {
		c.t.Fatal(err)
	}
	for _, f := range answer.Results["A"].Frames {
		if f.Schema.Name == series {
			return f.Data.Values[1][0]
		}
	}
	c.t.Fatalf("no series %s in %s", series, raw)
	return 0
}

// The time is reported and not judged: it is the machine's. That nothing jumps is judged.
func TestFirstDrawing(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 1200)
	b.Do(chromedp.Navigate(c.url + "/login?redirectTo=/d/overview"))
	began := time.Now()
	b.Do(chromedp.Click(chromedp.CSS(`button[value="alice@example.com"]`)))
	b.Await(drawn)
	took := time.Since(began)
	t.Logf("all panels with an hour of data were drawn %s after the click on sign in", took.Round(time.Millisecond))
	shift, err := chromedp.Run(
		b.Context, chromedp.Evaluate[float64](
			`new Promise(done => new PerformanceObserver(list => done(list.getEntries().reduce((sum, e) => sum + e.value, 0))).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => done(0), 300))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("layout shift %.3f", shift)
	if shift > 0.1 {
		t.Errorf("the page jumps while it is drawn: layout shift %.3f", shift)
	}
}

func TestAnEditorMakesAPanel(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "bob@example.com")
	b.Click("button", "New dashboard")
	b.Click(".start button", "Add panel")
	b.Await(`document.activeElement?.matches(".query textarea")`)
	b.Do(chromedp.SendKeys(chromedp.CSS(".query textarea"), "sum by (instance) (node_lo"))
	b.Await(`document.querySelector(".suggestions")?.innerText == "node_load1"`)
	b.Do(chromedp.SendKeys(chromedp.CSS(".query textarea"), "\t)\r"))
	b.Await(`document.querySelectorAll(".preview canvas").length == 1`)
	b.Click(".head button", "Save")
	b.Do(chromedp.SetValue(chromedp.CSS("#dashboard-title"), "Mine"))
	b.Click("dialog button", "Save")
	b.Await(`location.pathname.startsWith("/d/")`)
	b.Do(chromedp.Reload())
	b.Await(`document.querySelector("h1")?.innerText == "Mine" && document.querySelectorAll(".panel canvas").length == 1`)
	b.Shot("editor")

	var hits []struct{ UID string }
	if err := json.Unmarshal(c.admin(http.MethodGet, "/api/search?query=Mine", nil), &hits); err != nil || len(hits) != 1 {
		t.Fatalf("found %v, %v", hits, err)
	}
	var stored struct {
		Dashboard struct {
			SchemaVersion int
			Panels        []struct {
				Type    string
				Targets []struct {
					Expr       string
					Datasource struct{ Type, UID string }
				}
			}
		}
	}
	if err := json.Unmarshal(c.admin(http.MethodGet, "/api/dashboards/uid/"+hits[0].UID, nil), &stored); err != nil {
		t.Fatal(err)
	}
	d := stored.Dashboard
	if d.SchemaVersion != 39 || len(d.Panels) != 1 || d.Panels[0].Type != "timeseries" {
		t.Fatalf("stored %+v", d)
	}
	if target := d.Panels[0].Targets[0]; target.Expr != "sum by (instance) (node_load1)" || target.Datasource.UID != "amp" ||
		target.Datasource.Type != "grafana-amazonprometheus-datasource" {
		t.Errorf("the query is stored as %+v", target)
	}
}

func TestSomebodyNotAddedReadsWhy(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.Expect("403 (Forbidden)", "401 (Unauthorized)")
	b.SignIn(c.url, "carol@example.com")
	b.Await(`document.title.startsWith("No access")`)
	page := b.Text("main")
	for _, want := range []string{"Carol Clark", "grant carol@example.com",
		"aws grafana update-permissions --workspace-id " + c.workspace, `"id":"` + c.people["carol"] + `","type":"SSO_USER"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	b.Shot("refused")
	c.permit(types.UpdateActionAdd, types.RoleViewer, "carol")
	b.Click("a", "Try again")
	b.Await(`document.querySelector("a.hit") !== null`)
	c.permit(types.UpdateActionRevoke, types.RoleViewer, "carol")
	b.Click("nav a", "Data sources")
	b.Await(`document.title.startsWith("No access")`)
}

func TestAddressesCanBeShared(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "bob@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/overview"))
	b.Await(drawn)
	b.Click(".variable:last-child button", "All")
	b.Click(".options button", "head")
	b.Do(chromedp.Click(chromedp.CSS("h1"))) // elsewhere, which closes the list
	b.Await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1 && document.querySelectorAll(".panel.loading").length == 0`)
	b.drag("CPU busy", 0.5, 0.75)
	b.Await(`/[?&]from=\d{13}&to=\d{13}/.test(location.search) && new URLSearchParams(location.search).getAll("var-instance").join() == "head"`)
	b.Await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1`)
	address, err := chromedp.Run(b.Context, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	b.Do(chromedp.NavigateBack())
	b.Await(`document.querySelector(".picker").innerText == "Last 1 hour"`)
	b.Do(chromedp.Navigate(address))
	b.Await(drawn)
	b.Await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1 && document.querySelector(".picker").innerText.includes(" to ")`)
	if got := b.Text(".head"); strings.Contains(got, "Add panel") {
		t.Error("a dashboard that is not editable can be edited")
	}
}

// drag drags over a part of a panel's chart.
func (b *tab) drag(title string, from, to float64) {
	b.t.Helper()
	box, err := chromedp.Run(
		b.Context, chromedp.Evaluate[[]float64](
			fmt.Sprintf(`(b => [b.left, b.top + b.height / 2, b.width])(document.querySelector('[aria-label=%q] .u-over').getBoundingClientRect())`,
				title)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.Do(chromedp.DragAndDropXY(box[0]+from*box[2], box[1], box[0]+to*box[2], box[1]))
}

func TestAPhoneShowsAllInItsWidth(t *testing.T) {
	c := startCloud(t)
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(
		`{"uid":"wide","title":"Wide","panels":[{"id":1,"type":"table","targets":[{"refId":"A","expr":"node_load1","instant":true,"format":"table"}]}]}`)})
	b := newTab(t, 390, 844)
	b.Expect("400 (Bad Request)", "403 (Forbidden)") // kinds has a query that fails; carol is refused
	fits := func(name string) {
		b.Await(`document.querySelector("h1") !== null && document.querySelectorAll(".panel.loading").length == 0`)
		b.Await(`document.documentElement.scrollWidth <= 390`)
		b.Shot(name)
	}
	b.Do(chromedp.Navigate(c.url + "/"))
	fits("login")
	b.SignIn(c.url, "bob@example.com")
	for name, path := range map[string]string{
		"dashboards": "/dashboards", "overview": "/d/overview", "kinds": "/d/kinds", "explore": "/explore?expr=node_load1",
		"explore-empty": "/explore",
		"explore-bad":   "/explore?expr=sum(rate(node_cpu_seconds_total", "sources": "/connections/datasources", "edit": "/d/kinds?editPanel=8",
		"edit-stat": "/d/kinds?editPanel=2", "edit-table": "/d/wide?editPanel=1", "edit-text": "/d/kinds?editPanel=1",
		"view": "/d/kinds?viewPanel=8", "new": "/dashboard/new",
	} {
		b.Do(chromedp.Navigate(c.url + path))
		if strings.HasPrefix(name, "edit") {
			b.Await(`document.querySelector(".editor .preview .panel:not(.loading)") !== null`)
		}
		fits(name)
	}
	b.Do(chromedp.Click(chromedp.CSS(".hamburger")))
	b.Click(".navbutton", "Sign out")
	b.Await(`location.pathname == "/login"`)
	b.SignIn(c.url, "carol@example.com")
	fits("refused")
}

func TestEveryKindOfPanel(t *testing.T) {
	c := startCloud(t)
	b := newTab(t, 1360, 1500)
	b.Expect("400 (Bad Request)") // one of the queries fails
	b.SignIn(c.url, "alice@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/kinds?var-node=head&var-node=compute-1"))
	b.Await(`document.querySelectorAll(".panel canvas").length == 2 && document.querySelectorAll(".panel.loading").length == 0`)
	for selector, want := range map[string]string{
		`[data-type="text"]`: "nodes: compute-1 + head|nodes: head + compute-1", `[data-panel="2"] .stats`: "%",
		`[data-type="table"] tbody tr`: "GiB", `[data-type="bargauge"] .value`: "GiB",
		`[data-panel="3"] .value`: "Up", `[data-type="heatmap"]`: "Heat map: its data as a table", `[aria-label="A query that fails"]`: "parse error",
		`[aria-label="Nothing found"]`: "No data",
	} {
		got, ok := b.Text(selector), false
		for _, w := range strings.Split(want, "|") {
			ok = ok || strings.Contains(got, w)
		}
		if !ok {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	b.Await(`document.querySelectorAll(".gauge").length == 2`) // of the nodes that the address names
	b.Await(`document.querySelector("script[src=x], img[src=x], a[href^=javascript]") === null`)
	b.Await(`(e => { e.click(); return true })([...document.querySelectorAll(".rowhead button")].at(-1))`)
	b.Await(`[...document.querySelectorAll('[data-panel="31"] h3')].map(e => e.innerText).join() == "head,compute-1"`)
	b.Shot("kinds")
}

// What is no number fills no bar and no gauge, and what is long fits.
func TestBarsOfNoNumber(t *testing.T) {
	c := startCloud(t)
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(`{"uid":"nan","title":"NaN","panels":[
		{"id":1,"type":"bargauge","gridPos":{"x":0,"y":0,"w":8,"h":6},"options":{"reduceOptions":{"calcs":["last"]}},"targets":[{"expr":"vector(0)/0","instant":true}]},
		{"id":2,"type":"gauge","gridPos":{"x":8,"y":0,"w":8,"h":6},"options":{"reduceOptions":{"calcs":["last"]}},"targets":[{"expr":"vector(0)/0","instant":true}]},
		{"id":3,"type":"stat","gridPos":{"x":16,"y":0,"w":2,"h":3},"fieldConfig":{"defaults":{"unit":"widgets"}},"targets":[{"expr":"vector(123456789012)","instant":true}]},
		{"id":4,"type":"stat","gridPos":{"x":18,"y":0,"w":2,"h":3},"fieldConfig":{"defaults":{"unit":"currencyUSD"}},"targets":[{"expr":"vector(1234)","instant":true}]},
		{"id":5,"type":"stat","gridPos":{"x":20,"y":0,"w":2,"h":3},"fieldConfig":{"defaults":{"unit":"none"}},"targets":[{"expr":"vector(123456789012)","instant":true}]},
		{"id":6,"type":"bargauge","gridPos":{"x":0,"y":6,"w":3,"h":4},"fieldConfig":{"defaults":{"unit":"percentunit","decimals":1}},"targets":[
			{"expr":"label_replace(vector(7), \"a\", \"CPU\", \"\", \"\")","instant":true},{"expr":"label_replace(vector(7), \"a\", \"Mem\", \"\", \"\")","instant":true},
			{"expr":"label_replace(vector(7), \"a\", \"I/O\", \"\", \"\")","instant":true},{"expr":"label_replace(vector(7), \"a\", \"Irq\", \"\", \"\")","instant":true}]}]}`)})
	b := newTab(t, 1360, 900)
	b.SignIn(c.url, "alice@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/nan"))
	b.Await(`document.querySelectorAll(".panel:not(.loading) .value, .panel:not(.loading) .gauge text").length == 9`)
	b.Await(`document.querySelector(".bar .value").innerText == "NaN" && document.querySelector(".bar .fill").getBoundingClientRect().width == 0`)
	b.Await(`document.querySelector(".gauge text").textContent == "NaN" && document.querySelector(".gauge path.fill") === null`)
	b.Await(`document.querySelector('[data-panel="3"] .value').innerText.replace(/\s+/g, " ") == "123456789012 widgets"`)
	b.Await(`document.querySelector('[data-panel="4"] .value').innerText == "$1.23K"`)
	b.Await(`document.querySelector('[data-panel="5"] .value').innerText == "123456789012"`)
	if got := b.panels("nan"); got.Cut != 0 {
		t.Errorf("panels %+v", got)
	}
}

// Whoever cannot change a dashboard reads why.
func TestWhyADashboardCannotBeChanged(t *testing.T) {
	c := startCloud(t)
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(`{"uid":"fixed","title":"Fixed","editable":false}`)})
	b := newTab(t, 1360, 900)
	b.Expect("404 (Not Found)", "400 (Bad Request)") // kinds has a query that fails
	b.SignIn(c.url, "bob@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/fixed"))
	b.Await(`document.querySelector(".head .tag")?.innerText == "Read-only: marked as not editable"`)
	b.Await(`document.querySelector(".head .tag").title.includes("Save a copy")`)
	b.Do(chromedp.Navigate(c.url + "/d/kinds"))
	b.Await(`document.querySelector("h1")?.innerText == "Kinds of panels" && document.querySelector(".head .tag") === null`)
	b.Do(chromedp.Navigate(c.url + "/nothing"))
	b.Await(`document.querySelector(".start h2")?.innerText == "There is no such page."`)
	statuses, err := chromedp.Run(b.Context, chromedp.Evaluate[string](
		`Promise.all(["/nothing", "/d/nobody", "/d/fixed", "/explore"].map(p => fetch(p).then(r => r.status))).then(all => all.join())`,
		chromedp.EvalAwaitPromise))
	if err != nil || statuses != "404,404,200,200" {
		t.Errorf("statuses %s, %v", statuses, err)
	}
	b.Click(".navbutton", "Sign out")
	b.Await(`location.pathname == "/login"`)
	b.SignIn(c.url, "alice@example.com")
	b.Do(chromedp.Navigate(c.url + "/d/kinds"))
	b.Await(`document.querySelector(".head .tag")?.innerText == "Read-only: your role is viewer"`)
	b.Do(chromedp.Navigate(c.url + "/dashboard/import"))
	b.Await(`document.querySelector(".start h2")?.innerText == "There is no such page."`)
}

// An import asks for what stands for inputs and for data sources that are not here.
func TestAnImportAsksForDataSources(t *testing.T) {
	c := startCloud(t)
	c.admin(http.MethodPost, "/api/datasources", map[string]any{"name": "Logs", "uid": "cw", "type": "cloudwatch", "access": "proxy"})
	b := newTab(t, 1360, 900)
	b.Expect("400 (Bad Request)", "412 (Precondition Failed)")
	b.SignIn(c.url, "bob@example.com")
	b.Click(".head button", "Import")
	load := func(text string) {
		b.Await(`document.querySelector("textarea.json") !== null`)
		b.Do(chromedp.SetValue(chromedp.CSS("textarea.json"), text))
		b.Click(".import button", "Load")
	}
	for text, says := range map[string]string{`{`: "JSON", `[]`: "a JSON object", `{"panels":{}}`: "are a list"} {
		load(text)
		b.Await(`document.querySelector(".import .bad").innerText.includes(` + "`" + says + "`" + `)`)
	}
	shared := `{"uid":"shared","title":"Shared","__inputs":[{"name":"DS_PROM","label":"Metrics","type":"datasource","pluginId":"prometheus"}],
		"panels":[{"id":1,"type":"stat","datasource":{"type":"prometheus","uid":"${DS_PROM}"},"targets":[{"expr":"count(up)"}]},
		{"id":2,"type":"stat","datasource":"prometheus","targets":[{"expr":"count(up)"}]},
		{"id":3,"type":"stat","datasource":{"type":"loki","uid":"lokis"},"targets":[{"expr":"x"}]},
		{"id":4,"type":"logs","datasource":"cw","targets":[{"queryMode":"Logs","expression":"fields @message"}]}]}`
	load(shared)
	b.Await(`[...document.querySelectorAll(".import form label")].map(l => l.innerText.split("\n")[0]).slice(2).join("|") ==
		"Data source for the input Metrics, of the type prometheus|Data source that stands for “prometheus”, which is not here, of the type prometheus|Data source that stands for “lokis”, which is not here, of the type loki"`)
	b.Await(`[...document.querySelectorAll(".source-choice")].map(s => s.value).join() == "amp,amp,"`)
	b.Click(".import form button", "Import")
	b.Await(`location.pathname == "/d/shared/shared" && [...document.querySelectorAll(".panel")].map(p => p.dataset.state).join() == "data,data,named,named"`)
	b.Await(`[...document.querySelectorAll(".stat .value")].slice(0, 2).map(v => v.innerText).join() == "3,3"`)
	b.Await(`document.querySelector('[data-panel="3"]').innerText.includes("The data source “lokis” does not exist. Import the dashboard")`)
	b.Await(`document.querySelector('[data-panel="4"]').innerText.includes("No log group is chosen.")`)
	b.Do(chromedp.Navigate(c.url + "/dashboard/import"))
	load(shared)
	b.Click(".import form button", "Import")
	b.Await(`document.querySelector(".import form p.bad").innerText.includes("already")`)
	b.Click(".import form button", "Replace it")
	b.Await(`location.pathname == "/d/shared/shared"`)
}
