package viewer_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/localaws/localtest/check"
)

var (
	picture = flag.String("picture", "", "file to write a picture of a dashboard page to")
	program = flag.String("program", "", "path of the program that starts a local cloud with --demo")
	running = flag.String("grafana", "", "URL of the Grafana that is in the picture, instead of one that -program starts")
	page    = flag.String("page", "/dashboards", "the page in the picture")
	under   = flag.String("under", "", "title of a chart that the pointer is over; empty: none")
	height  = flag.Int("height", 1170, "of the picture, in pixels")
)

// allDrawn holds when each panel shows something. Panels that are out of sight are not asked
// until they are scrolled to.
const allDrawn = `(all => all.length > 0 && all.every(p => p.dataset.state && !p.classList.contains("loading")))([...document.querySelectorAll(".panel")])`

// TestPicture remakes the picture in the README: make picture.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("no -picture to write")
	}
	b := newTab(t, 1360, *height)
	grafana := *running
	if grafana == "" {
		grafana = startDemo(t)
	}
	b.SignIn(grafana, "alice@example.com")
	opened := time.Now()
	b.Do(chromedp.Navigate(grafana + *page))
	b.Await(allDrawn)
	t.Logf("drawn in %s", time.Since(opened).Round(time.Millisecond))
	if *under != "" {
		b.Await(fmt.Sprintf(`document.querySelector('[aria-label=%q] canvas') !== null`, *under))
		b.hoverLast(*under)
	}
	shot, err := chromedp.Run(b.Context, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*picture, shot, 0o644); err != nil {
		t.Fatal(err)
	}
}

// startDemo starts the program with its made-up cluster until the test ends, and returns
// its Grafana's URL.
func startDemo(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(*program, "--demo", "--json", "--data", t.TempDir(), "--listen", "127.0.0.1:0",
		"--node-address", "127.0.0.1:0", "--head-address", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	events := check.Must[io.ReadCloser](t)(cmd.StdoutPipe())
	check.OK(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var e struct{ Event, What, Address string }
		check.OK(t, json.Unmarshal(lines.Bytes(), &e))
		if e.What == "grafana" && e.Event == "started" {
			u := check.Must[*url.URL](t)(url.Parse(e.Address))
			return u.Scheme + "://" + u.Host
		}
	}
	t.Fatal("the program ended before it had a Grafana")
	return ""
}

// hoverLast moves the pointer over the last points of a panel's chart: a young cloud
// has no others. It goes from the right edge to the left until the chart shows some.
func (b *tab) hoverLast(title string) {
	b.t.Helper()
	at, err := chromedp.Run(
		b.Context, chromedp.Evaluate[[]float64](
			fmt.Sprintf(`(b => [b.right, b.top + b.height / 2, b.width])(document.querySelector('[aria-label=%q] .u-over').getBoundingClientRect())`,
				title)))
	if err != nil {
		b.t.Fatal(err)
	}
	for x := 1.0; x < at[2]; x += 8 { // the chart finds points that are near
		b.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]-x, at[1]))
		shown, err := chromedp.Run(b.Context, chromedp.Evaluate[bool](`document.querySelector(".tooltip:not([hidden]) .row") !== null`))
		if err == nil && shown {
			return
		}
	}
	b.t.Fatalf("no point of %s shows its values", title)
}
