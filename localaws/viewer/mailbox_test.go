package viewer_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/localaws/sns"
)

// TestMailbox shows what SNS sent, and confirms a subscription, for who has a role.
func TestMailbox(t *testing.T) {
	d := newDoor(t)
	d.mails = []sns.Mail{
		{To: "alice@example.com", Subject: "Confirm <b>", Text: "link\n", TopicARN: "arn:t", Token: "good", At: time.Unix(0, 0)},
		{To: "alice@example.com", Subject: "Node \u202edown", Text: "<script>alert(1)</script>\x1b[31m red"},
	}
	_, cookie := d.signIn("alice", "/")
	with := func(r *http.Request) { r.AddCookie(cookie) }
	if answer := d.ask(workspace, "GET", "/mailbox", nil, nil); answer.StatusCode != http.StatusFound ||
		!strings.HasPrefix(answer.Header.Get("Location"), "/login") {
		t.Errorf("of nobody: %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer := d.ask(workspace, "GET", "/mailbox", nil, with); answer.StatusCode != http.StatusForbidden ||
		strings.Contains(body(t, answer), "Node") {
		t.Errorf("without a role: %d", answer.StatusCode)
	}
	form := url.Values{"topic": {"arn:t"}, "token": {"good"}}
	if answer := d.ask(workspace, "POST", "/mailbox/confirm", form, with); answer.StatusCode != http.StatusForbidden || d.confirmed != nil {
		t.Errorf("confirmed without a role: %d %v", answer.StatusCode, d.confirmed)
	}
	d.add("VIEWER", "alice")
	answer := d.ask(workspace, "GET", "/mailbox", nil, with)
	page := body(t, answer)
	if answer.StatusCode != 200 || !strings.Contains(page, "Confirm &lt;b&gt;") || !strings.Contains(page, "&lt;script&gt;") ||
		strings.ContainsAny(page, "\u202e\x1b") || strings.Index(page, "Node") > strings.Index(page, "Confirm &lt;") ||
		strings.Count(page, "/mailbox/confirm") != 1 || !strings.Contains(page, `value="good"`) {
		t.Errorf("%d %s", answer.StatusCode, page)
	}
	if answer := d.ask(workspace, "GET", "/mailbox", nil,
		func(r *http.Request) { with(r); r.Host = "evil.example" }); answer.StatusCode != 403 {
		t.Errorf("by another site's name: %d", answer.StatusCode)
	}
	if answer := d.ask(workspace, "POST", "/mailbox/confirm", form, func(r *http.Request) {
		with(r)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}); answer.StatusCode != 403 || d.confirmed != nil {
		t.Errorf("from another site's page: %d %v", answer.StatusCode, d.confirmed)
	}
	if answer := d.ask(workspace, "POST", "/mailbox/confirm", form, with); answer.StatusCode != http.StatusSeeOther ||
		!slices.Equal(d.confirmed, []string{"arn:t good"}) {
		t.Errorf("confirm: %d %v", answer.StatusCode, d.confirmed)
	}
	form.Set("token", "bad")
	if answer := d.ask(workspace, "POST", "/mailbox/confirm", form, with); answer.StatusCode != 400 ||
		!strings.Contains(body(t, answer), "was not confirmed") {
		t.Errorf("a bad token: %d", answer.StatusCode)
	}
}
