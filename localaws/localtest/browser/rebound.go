package browser

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// otherSite is a name that the browser takes for this machine's address, as it does when
// the site's owner changes where the name points to.
const otherSite = "rebound.example.com"

// Listener is a page of a server on this machine.
type Listener struct {
	URL     string // by the address at which it is served
	Refusal string // a part of what it answers to requests for other sites' names
}

// ExpectRefusals opens each listener's page by the name of another site. The page, and
// what its scripts ask the listener, must be refused.
func ExpectRefusals(t *testing.T, listeners map[string]Listener) {
	t.Helper()
	b := Start(t, 800, 600, chromedp.Flag("host-resolver-rules", "MAP "+otherSite+" 127.0.0.1"))
	b.Expect("(Forbidden)", "(Not Found)", "(Method Not Allowed)", "(Bad Request)", "(Misdirected Request)")
	for name, l := range listeners {
		t.Run(name, func(t *testing.T) {
			b := b.Of(t)
			u, err := url.Parse(l.URL)
			if err != nil {
				t.Fatal(err)
			}
			u.Host = otherSite + ":" + u.Port()
			b.Do(chromedp.Navigate(u.String()))
			b.Await(fmt.Sprintf(`location.hostname == %q && document.body.innerText.includes(%q)`, otherSite, l.Refusal))
			// The page's own requests: to what the browser takes for its own site.
			read, err := chromedp.Run(b.Context, chromedp.Evaluate[string](fmt.Sprintf(`Promise.all(["GET", "POST", "PUT"].map(async method => {
				const r = await fetch(location.href, {method});
				return ([403, 421].includes(r.status) ? "" : r.status + " ") + ((await r.text()).includes(%q) ? "refused" : "read");
			})).then(all => all.join())`, l.Refusal), chromedp.EvalAwaitPromise))
			if err != nil || read != "refused,refused,refused" {
				t.Errorf("the page gets %q, %v", read, err)
			}
		})
	}
}
