package parascopehead

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/term"
)

// TestInspectNamesWhatIsUnreadable: names of files may have anything in them.
func TestInspectNamesWhatIsUnreadable(t *testing.T) {
	var b strings.Builder
	err := printQueues(&b, term.Styler{}, head.QueueReport{Queues: []queue.QueueReport{
		{Path: "remote-a\x1b]0;title\a", Unreadable: []string{"lane-00/1\n\x1b[2J.segment is not a queue file"}}},
		Unreadable: []string{"remote-\a: permission denied"}, Aside: []string{"remote-\a.unreadable"}, AsideFiles: 21})
	if text := b.String(); err != nil || strings.ContainsAny(text, "\x1b\a") ||
		!strings.Contains(text, "unreadable: lane-00/1\\n\\x1b[2J.segment") || !strings.Contains(text, "unreadable: remote-\\x07: permission") ||
		!strings.Contains(text, "set aside by a head, 21 in all:\n  remote-\\x07.unreadable\n") {
		t.Errorf("%q, %v", text, err)
	}
}
