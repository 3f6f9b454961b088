package viewer_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	scripts "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/localaws/localtest/check"
)

var (
	boards  = flag.String("boards", "", "dashboards of -grafana that TestDrawing opens: paths with queries, separated by blanks")
	another = flag.String("peer", "", "file of a dashboard that TestDrawing imports and opens among the others")
	opened  = flag.Int("opened", 3, "how often TestDrawing opens each dashboard")
)

// counting counts, in the page, what is asked of data sources.
const counting = `(() => {
	const ask = window.fetch;
	window.asked = {Requests: 0, Queries: 0, Others: 0};
	window.fetch = (path, init) => {
		if (String(path).includes("/api/ds/query")) {
			window.asked.Requests++;
			window.asked.Queries += JSON.parse(init.body).queries.length;
		} else if (String(path).includes("/api/datasources/")) window.asked.Others++;
		return ask(path, init);
	};
})()`

// asked is what one page asked: requests for panels, the queries in them, and what
// variables asked.
type asked struct{ Requests, Queries, Others int }

// TestDrawing measures how long dashboards take from opening the page to the last drawn
// panel, all of them in the window, and what they ask: bench/viewer/many. It judges nothing.
func TestDrawing(t *testing.T) {
	if *boards == "" || *running == "" {
		t.Skip("no -boards of a -grafana to open")
	}
	all := strings.Fields(*boards)
	if *another != "" {
		all = append([]string{newTab(t, 1360, 900).keep(*another)}, all...)
	}
	for _, path := range all {
		name, _, _ := strings.Cut(path[strings.LastIndexAny(path, "/#")+1:], "?")
		t.Run(name, func(t *testing.T) {
			b := newTab(t, 1360, *height) // each its own: a browser has five minutes
			b.SignIn(*running, "bob@example.com")
			check.Must[scripts.AddScriptToEvaluateOnNewDocumentResult](t)(chromedp.Call(b.Context, scripts.AddScriptToEvaluateOnNewDocument,
				scripts.AddScriptToEvaluateOnNewDocumentParams{Source: counting}))
			var took []time.Duration
			for range *opened {
				b.Do(chromedp.Navigate("about:blank"))
				began := time.Now()
				b.Do(chromedp.Navigate(*running + path))
				b.Await(allDrawn)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.Shot(name)
			n := check.Must[asked](t)(chromedp.Run(b.Context, chromedp.Evaluate[asked](`window.asked`)))
			failed := check.Must[int](t)(chromedp.Run(b.Context, chromedp.Evaluate[int](`document.querySelectorAll('.panel[data-state="failed"]').length`)))
			fmt.Printf("drawn %s %d %d %d %d %d\n", name, n.Queries, n.Requests, n.Others, took[len(took)/2].Milliseconds(), failed)
		})
	}
}

// keep stores a file's dashboard in the Grafana of -grafana, and returns the path that opens it.
func (b *tab) keep(file string) string {
	b.t.Helper()
	b.SignIn(*running, "bob@example.com")
	raw := check.Must[[]byte](b.t)(os.ReadFile(file))
	kept := check.Must[string](b.t)(chromedp.Run(b.Context, chromedp.Evaluate[string](`fetch("/api/dashboards/db", {method: "POST",
		headers: {"Content-Type": "application/json"}, body: JSON.stringify({dashboard: {...`+string(raw)+`, id: null}, overwrite: true})}).then(r => r.json()).then(x => x.url)`,
		chromedp.EvalAwaitPromise)))
	return kept + "?from=now-1h&to=now#" + strings.TrimSuffix(filepath.Base(file), ".json")
}
