package viewer_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

var (
	picture = flag.String("picture", "", "file to write a picture of the dashboard page to")
	running = flag.String("grafana", "", "URL of the Grafana that is in the picture; without it, one with made-up nodes")
	as      = flag.String("as", "alice@example.com", "who is signed in in the picture")
)

// TestPicture remakes the picture in the README: make picture.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("no -picture to write")
	}
	b := newBrowser(t, 1360, 880)
	if *running == "" {
		*running = startCloud(t).url
	}
	b.signIn(*running, *as)
	b.do(chromedp.Navigate(*running + "/d/parascope-cluster-overview?refresh=5s"))
	// The rates of a cloud that has just started come with its fifth scrape or so.
	b.awaitFor(time.Minute, `document.querySelector('[aria-label="CPU busy"] canvas') !== null && document.querySelectorAll(".panel.loading").length == 0`)
	b.hoverLast("CPU busy")
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*picture, shot, 0o644); err != nil {
		t.Fatal(err)
	}
}

// hoverLast moves the pointer over the last points of a panel's chart: a young cloud
// has no others. It goes from the right edge to the left until the chart shows some.
func (b *browser) hoverLast(title string) {
	b.t.Helper()
	at, err := chromedp.Run(
		b.ctx, chromedp.Evaluate[[]float64](
			fmt.Sprintf(`(b => [b.right, b.top + b.height / 2, b.width])(document.querySelector('[aria-label=%q] .u-over').getBoundingClientRect())`,
				title)))
	if err != nil {
		b.t.Fatal(err)
	}
	for x := 1.0; x < at[2]; x += 8 { // the chart finds points that are near
		b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]-x, at[1]))
		shown, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.querySelector(".tooltip:not([hidden]) .row") !== null`))
		if err == nil && shown {
			return
		}
	}
	b.t.Fatalf("no point of %s shows its values", title)
}
