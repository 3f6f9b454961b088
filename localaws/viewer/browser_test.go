package viewer_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a tab of a headless Chromium. What its console complains of fails the
// test, unless it was expected.
type browser struct {
	t        *testing.T
	ctx      context.Context
	expected atomic.Pointer[[]string]
}

// newBrowser starts a Chromium, or says why the test is skipped.
func newBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		lacking(t, "there is no chromium (Debian's package of that name)")
	}
	if _, err := os.Stat("pages/dist/app.js"); err != nil {
		lacking(t, "the pages are not built (make build, with npm)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless,
		chromedp.WindowSize(width, height), chromedp.Flag("disable-dev-shm-usage", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	b.expect()
	b.do(chromedp.EmulateViewport(int64(width), int64(height)))
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

// of is the same tab, whose failures are those of a part of the test.
func (b *browser) of(t *testing.T) *browser {
	part := &browser{t: t, ctx: b.ctx}
	part.expect(*b.expected.Load()...)
	return part
}

// expect names what the console may complain of: the browser tells it of every
// answer that is an error.
func (b *browser) expect(parts ...string) { b.expected.Store(&parts) }

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.shot("failed")
		b.t.Fatal(err)
	}
}

// await asks the page, whichever it is by then, until the condition holds.
func (b *browser) await(condition string) {
	b.t.Helper()
	b.awaitFor(10*time.Second, condition)
}

func (b *browser) awaitFor(limit time.Duration, condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		if err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.shot("failed")
			b.t.Fatalf("%s does not hold (last error: %v)", condition, err)
		}
	}
}

// shot keeps a picture of the page among the test's artifacts (go test -artifacts).
func (b *browser) shot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644); err != nil {
		b.t.Error(err)
	}
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector(`+"`"+selector+"`"+`)?.innerText ?? ""`))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}
