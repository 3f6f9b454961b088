package viewer_test

import (
	"flag"
	"os"
	"testing"

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
	b.do(chromedp.Navigate(*running + "/d/parascope-cluster-overview"))
	b.await(drawn)
	b.hover("CPU busy")
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*picture, shot, 0o644); err != nil {
		t.Fatal(err)
	}
}
