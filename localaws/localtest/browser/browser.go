// Package browser opens the local Grafana's pages in a headless Chromium, for tests.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/parascope/parascope/localaws/viewer"
)

// Lacking skips a test for want of something, or fails it where CI is set and all is
// expected.
func Lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Browser is a tab of a headless Chromium. What its console complains of fails the
// test, unless it was expected.
type Browser struct {
	Context context.Context // of the tab, for chromedp

	t        *testing.T
	expected atomic.Pointer[[]string]
}

// Start starts a Chromium with a window of this size, or says why the test is
// skipped; where CI is set, it fails instead.
func Start(t *testing.T, width, height int, options ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		Lacking(t, "chromium is not installed (Debian package chromium)")
	}
	if !viewer.Built() {
		Lacking(t, "the pages are not built (make build, with npm)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append([]chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Headless, chromedp.WindowSize(width, height), chromedp.Flag("disable-dev-shm-usage", true)}, options...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &Browser{t: t, Context: ctx}
	b.Expect()
	b.Do(chromedp.EmulateViewport(int64(width), int64(height)))
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return // the browser is closed
			}
			if slices.ContainsFunc(*b.expected.Load(), func(part string) bool { return strings.Contains(m.Text, part) }) {
				continue
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException || m.Type == chromedp.ConsoleWarning {
				t.Errorf("console %s: %s (%s:%d)", m.Type, m.Text, m.URL, m.Line)
			}
		}
	}()
	t.Cleanup(func() { chromedp.Cancel(ctx); <-done })
	return b
}

// Of is the same tab, whose failures are those of a part of the test.
func (b *Browser) Of(t *testing.T) *Browser {
	part := &Browser{t: t, Context: b.Context}
	part.Expect(*b.expected.Load()...)
	return part
}

// Expect names what the console may complain of: the browser tells it of every
// answer that is an error.
func (b *Browser) Expect(parts ...string) { b.expected.Store(&parts) }

// Do runs the steps.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.Context, steps...); err != nil {
		b.Shot("failed")
		b.t.Fatal(err)
	}
}

// patience is much longer than anything takes, for a machine that is busy with other
// tests.
const patience = 3 * time.Minute

// Await asks the page, whichever it is by then, until the condition holds.
func (b *Browser) Await(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		if err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Shot("failed")
			b.t.Fatalf("the condition %s is false (last error: %v)", condition, err)
		}
	}
}

// Shot keeps a picture of the page among the test's artifacts (go test -artifacts).
func (b *Browser) Shot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.Context, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("could not take a screenshot: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644); err != nil {
		b.t.Error(err)
	}
}

// Text is the text of the first element that matches, empty where none does.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.Context, chromedp.Evaluate[string](`document.querySelector(`+"`"+selector+"`"+`)?.innerText ?? ""`))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// SignIn signs in at the Grafana of this URL.
func (b *Browser) SignIn(url, email string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(url+"/"), chromedp.SendKeys(chromedp.CSS("#email"), email), chromedp.Click(chromedp.CSS("form .primary")))
	b.Await(`document.title != "" && location.pathname != "/login"`)
}

// Click clicks the element of the kind that has the text.
func (b *Browser) Click(kind, text string) {
	b.t.Helper()
	b.Await(fmt.Sprintf(`(e => { e?.click(); return !!e })([...document.querySelectorAll(%q)].find(e => e.innerText.trim() == %q))`, kind,
		text))
}
