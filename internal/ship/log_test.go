package ship

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/queue"
)

// TestLogHasNoEmptyValues: what the receiver did not say has no key in the log, and what is
// logged of samples is what the ledger has.
func TestLogHasNoEmptyValues(t *testing.T) {
	for name, c := range map[string]struct {
		code  int
		body  string
		most  int64 // bytes of the queue; 0: the default
		says  []string
		until func(queue.Ledger) bool
	}{
		"full, no words": {503, "", 200_000, []string{`msg="samples are delayed" remote=`, `code=503 next=`, `msg="samples were dropped" remote=`, "queue_full"},
			func(l queue.Ledger) bool { return l.Dropped[queue.QueueFull] > 0 }},
		"refused": {400, "out of order sample", 0, []string{`msg="samples are uncertain: the receiver refused them, or did not answer" remote=`,
			"last_refusal=", "out_of_order"},
			func(l queue.Ledger) bool { return l.Doubtful() > 0 }},
	} {
		s := newSink(t)
		s.answerWith(always(c.code, c.body))
		var log bytes.Buffer
		r := start(t, Options{Lanes: 1, MaxBytes: c.most, Logger: slog.New(slog.NewTextHandler(&log, nil))}, remoteWrite(s))
		for i := 0; !c.until(r.Status().Total) && i < 2000; i++ {
			r.scrape("node", 100, time.Now().Add(time.Duration(i)*time.Second))
		}
		await(t, name, func() bool { return c.until(r.Status().Total) })
		r.stop()
		text := log.String()
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: %q is missing in\n%s", name, says, text)
			}
		}
		if strings.Contains(text, `=""`) {
			t.Errorf("%s: an empty value in\n%s", name, text)
		}
	}
}
