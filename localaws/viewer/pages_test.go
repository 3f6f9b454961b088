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
)

const drawn = `document.querySelectorAll(".panel canvas").length >= 6 && document.querySelectorAll(".panel.loading").length == 0`

func (b *browser) signIn(url, email string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url+"/"), chromedp.SendKeys(chromedp.CSS("#email"), email), chromedp.Click(chromedp.CSS("form .primary")))
	b.await(`document.title != "" && location.pathname != "/login"`)
}

// click clicks the element of the kind that has the text.
func (b *browser) click(kind, text string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`(e => { e?.click(); return !!e })([...document.querySelectorAll(%q)].find(e => e.innerText.trim() == %q))`, kind,
		text))
}

func TestAViewerReadsWhatTheAPISays(t *testing.T) {
	c := startCloud(t)
	b := newBrowser(t, 1360, 900)
	b.signIn(c.url, "alice@example.com")
	b.click("nav a", "Data sources")
	b.await(`document.querySelector(".source") !== null`)
	if got := b.text(".source h2"); !strings.Contains(got, "Amazon Managed Prometheus") || !strings.Contains(got, "default") {
		t.Errorf("the data source reads %q", got)
	}
	b.click(".source button", "Check health")
	b.await(`document.querySelector(".result.good")?.innerText.includes("Successfully queried")`)
	b.click("nav a", "Dashboards")
	b.click("a.hit span", "Cluster overview")
	b.await(drawn)
	b.await(`document.querySelector(".stat .value")?.innerText == "3"`)
	if got := b.text(".head"); strings.Contains(got, "Save") || strings.Contains(got, "Add panel") {
		t.Errorf("a viewer is offered %q", got)
	}
	title, number := "Memory used", b.hover("Memory used")
	want := c.valueAt(title, number.Series, number.Time)
	if math.Abs(number.Value-want) > 1 || number.Text != fmt.Sprintf("%.1f GiB", want/(1<<30)) &&
		number.Text != fmt.Sprintf("%.2f GiB", want/(1<<30)) {
		t.Errorf("at %d the page shows %v as %q, the API says %v", number.Time, number.Value, number.Text, want)
	}
	b.shot("viewer")
}

// reading is a row of the box beside the pointer.
type reading struct {
	Series, Text string
	Value        float64
	Time         int64 // milliseconds
}

// hover moves the pointer over a panel's chart and reads what it shows.
func (b *browser) hover(title string) reading {
	b.t.Helper()
	type point struct{ X, Y float64 }
	at, err := chromedp.Run(b.ctx, chromedp.Evaluate[point](fmt.Sprintf(`(() => {
		const over = document.querySelector('[aria-label=%q] .u-over');
		over.scrollIntoView({block: "nearest"});
		const box = over.getBoundingClientRect();
		return {X: box.left + box.width * 0.7, Y: box.top + box.height / 2};
	})()`, title)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X-3, at.Y), chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved,
		at.X, at.Y))
	b.await(`document.querySelector(".tooltip:not([hidden]) .row") !== null`)
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[reading](`(() => {
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
	if err := json.Unmarshal(c.admin(http.MethodGet, "/api/dashboards/uid/parascope-cluster-overview", nil), &stored); err != nil {
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

// firstDrawing is three times the goal, for machines with other things to do.
const firstDrawing = 3 * time.Second

func TestFirstDrawing(t *testing.T) {
	c := startCloud(t)
	b := newBrowser(t, 1360, 1200)
	b.do(chromedp.Navigate(c.url + "/login?redirectTo=/d/parascope-cluster-overview"))
	began := time.Now()
	b.do(chromedp.Click(chromedp.CSS(`button[value="alice@example.com"]`)))
	b.await(drawn)
	took := time.Since(began)
	t.Logf("all panels with an hour of data were drawn %s after the click on sign in", took.Round(time.Millisecond))
	if took > firstDrawing {
		t.Errorf("the first drawing took %s", took)
	}
	shift, err := chromedp.Run(
		b.ctx, chromedp.Evaluate[float64](
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
	b := newBrowser(t, 1360, 900)
	b.signIn(c.url, "bob@example.com")
	b.click("button", "New dashboard")
	b.click(".start button", "Add panel")
	b.await(`document.activeElement?.matches(".query textarea")`)
	b.do(chromedp.SendKeys(chromedp.CSS(".query textarea"), "sum by (instance) (node_lo"))
	b.await(`document.querySelector(".suggestions")?.innerText == "node_load1"`)
	b.do(chromedp.SendKeys(chromedp.CSS(".query textarea"), "\t)\r"))
	b.await(`document.querySelectorAll(".preview canvas").length == 1`)
	b.click(".head button", "Save")
	b.do(chromedp.SetValue(chromedp.CSS("#dashboard-title"), "Mine"))
	b.click("dialog button", "Save")
	b.await(`location.pathname.startsWith("/d/")`)
	b.do(chromedp.Reload())
	b.await(`document.querySelector("h1")?.innerText == "Mine" && document.querySelectorAll(".panel canvas").length == 1`)
	b.shot("editor")

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
	b := newBrowser(t, 1360, 900)
	b.expect("403 (Forbidden)", "401 (Unauthorized)")
	b.signIn(c.url, "carol@example.com")
	b.await(`document.title.startsWith("No access")`)
	page := b.text("main")
	for _, want := range []string{"Carol Clark", "parascope users add carol@example.com:viewer",
		"aws grafana update-permissions --workspace-id " + c.workspace, `"id":"` + c.people["carol"] + `","type":"SSO_USER"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	b.shot("refused")
	c.permit(types.UpdateActionAdd, types.RoleViewer, "carol")
	b.click("a", "Try again")
	b.await(`document.querySelector("a.hit") !== null`)
	c.permit(types.UpdateActionRevoke, types.RoleViewer, "carol")
	b.click("nav a", "Data sources")
	b.await(`document.title.startsWith("No access")`)
}

func TestAddressesCanBeShared(t *testing.T) {
	c := startCloud(t)
	b := newBrowser(t, 1360, 900)
	b.signIn(c.url, "bob@example.com")
	b.do(chromedp.Navigate(c.url + "/d/parascope-cluster-overview"))
	b.await(drawn)
	b.click(".variable:last-child button", "All")
	b.click(".options button", "head")
	b.do(chromedp.Click(chromedp.CSS("h1"))) // elsewhere, which closes the list
	b.await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1 && document.querySelectorAll(".panel.loading").length == 0`)
	b.drag("CPU busy", 0.5, 0.75)
	b.await(`/[?&]from=\d{13}&to=\d{13}/.test(location.search) && new URLSearchParams(location.search).getAll("var-instance").join() == "head"`)
	b.await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1`)
	address, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.NavigateBack())
	b.await(`document.querySelector(".picker").innerText == "Last 1 hour"`)
	b.do(chromedp.Navigate(address))
	b.await(drawn)
	b.await(`document.querySelectorAll('[aria-label="CPU busy"] .series').length == 1 && document.querySelector(".picker").innerText.includes(" to ")`)
	if got := b.text(".head"); strings.Contains(got, "Add panel") {
		t.Error("a dashboard that is not editable can be edited")
	}
}

// drag drags over a part of a panel's chart.
func (b *browser) drag(title string, from, to float64) {
	b.t.Helper()
	box, err := chromedp.Run(
		b.ctx, chromedp.Evaluate[[]float64](
			fmt.Sprintf(`(b => [b.left, b.top + b.height / 2, b.width])(document.querySelector('[aria-label=%q] .u-over').getBoundingClientRect())`,
				title)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.DragAndDropXY(box[0]+from*box[2], box[1], box[0]+to*box[2], box[1]))
}

func TestAPhoneShowsAllInItsWidth(t *testing.T) {
	c := startCloud(t)
	c.admin(http.MethodPost, "/api/dashboards/db", map[string]any{"dashboard": json.RawMessage(
		`{"uid":"wide","title":"Wide","panels":[{"id":1,"type":"table","targets":[{"refId":"A","expr":"node_load1","instant":true,"format":"table"}]}]}`)})
	b := newBrowser(t, 390, 844)
	b.expect("400 (Bad Request)", "403 (Forbidden)") // kinds has a query that fails; carol is refused
	fits := func(name string) {
		b.await(`document.querySelector("h1") !== null && document.querySelectorAll(".panel.loading").length == 0`)
		b.await(`document.documentElement.scrollWidth <= 390`)
		b.shot(name)
	}
	b.do(chromedp.Navigate(c.url + "/"))
	fits("login")
	b.signIn(c.url, "bob@example.com")
	for name, path := range map[string]string{
		"dashboards": "/dashboards", "overview": "/d/parascope-cluster-overview", "kinds": "/d/kinds", "explore": "/explore?expr=node_load1",
		"explore-empty": "/explore",
		"explore-bad":   "/explore?expr=sum(rate(node_cpu_seconds_total", "sources": "/connections/datasources", "edit": "/d/kinds?editPanel=8",
		"edit-stat": "/d/kinds?editPanel=2", "edit-table": "/d/wide?editPanel=1", "edit-text": "/d/kinds?editPanel=1",
		"view": "/d/kinds?viewPanel=8", "new": "/dashboard/new",
	} {
		b.do(chromedp.Navigate(c.url + path))
		if strings.HasPrefix(name, "edit") {
			b.await(`document.querySelector(".editor .preview .panel:not(.loading)") !== null`)
		}
		fits(name)
	}
	b.do(chromedp.Click(chromedp.CSS(".hamburger")))
	b.click(".navbutton", "Sign out")
	b.await(`location.pathname == "/login"`)
	b.signIn(c.url, "carol@example.com")
	fits("refused")
}

func TestEveryKindOfPanel(t *testing.T) {
	c := startCloud(t)
	b := newBrowser(t, 1360, 1500)
	b.expect("400 (Bad Request)") // one of the queries fails
	b.signIn(c.url, "alice@example.com")
	b.do(chromedp.Navigate(c.url + "/d/kinds?var-node=head&var-node=compute-1"))
	b.await(`document.querySelectorAll(".panel canvas").length == 2 && document.querySelectorAll(".panel.loading").length == 0`)
	for selector, want := range map[string]string{
		`[data-type="text"]`: "nodes: compute-1 + head|nodes: head + compute-1", `[data-panel="2"] .stats`: "%",
		`[data-type="table"] tbody tr`: "GiB", `[data-type="bargauge"] .value`: "GiB",
		`[data-panel="3"] .value`: "Up", `[data-type="heatmap"]`: "not drawn here", `[aria-label="A query that fails"]`: "parse error",
		`[aria-label="Nothing found"]`: "No data",
	} {
		got, ok := b.text(selector), false
		for _, w := range strings.Split(want, "|") {
			ok = ok || strings.Contains(got, w)
		}
		if !ok {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	b.await(`document.querySelectorAll(".gauge").length == 2`) // of the nodes that the address names
	b.await(`document.querySelector("script[src=x], img[src=x], a[href^=javascript]") === null`)
	b.await(`(e => { e.click(); return true })([...document.querySelectorAll(".rowhead button")].at(-1))`)
	b.await(`[...document.querySelectorAll('[data-panel="31"] h3')].map(e => e.innerText).join() == "head,compute-1"`)
	b.shot("kinds")
}
