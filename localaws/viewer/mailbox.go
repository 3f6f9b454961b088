package viewer

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/sns"
)

// Mailbox is the e-mail that the local SNS sent.
type Mailbox struct {
	Mails   func() ([]sns.Mail, error)
	Confirm func(topicARN, token string, authenticate bool) (subscriptionARN string, err error)
}

const shownMails = 100 // the newest

// mailbox shows the mails, newest first, to who has a role in the workspace.
func (v *Viewer) mailbox(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	if ok, err := v.admitted(w, r, workspaceID); err != nil || !ok {
		return err
	}
	return v.showMailbox(w, http.StatusOK, "")
}

func (v *Viewer) showMailbox(w http.ResponseWriter, status int, failed string) error {
	all, err := v.opts.Mailbox.Mails()
	if err != nil {
		return err
	}
	type shown struct{ To, Subject, At, Text, TopicARN, Token string }
	var page struct {
		Failed string
		Mails  []shown
	}
	page.Failed = failed
	for _, m := range slices.Backward(all) {
		if len(page.Mails) == shownMails {
			break
		}
		page.Mails = append(page.Mails, shown{visible(m.To), visible(m.Subject), m.At.UTC().Format(time.RFC3339), visible(m.Text),
			m.TopicARN, m.Token})
	}
	return v.pages.show(w, status, "mailbox.html", page)
}

// visible is text without what a browser would hide or turn around.
func visible(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return c
		case unicode.IsControl(c), unicode.Is(unicode.Cf, c):
			return '\ufffd'
		}
		return c
	}, text)
}

// confirmMail confirms the subscription that a mail asks about.
func (v *Viewer) confirmMail(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	if ok, err := v.admitted(w, r, workspaceID); err != nil || !ok {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	_, err := v.opts.Mailbox.Confirm(r.PostFormValue("topic"), r.PostFormValue("token"), false)
	if refused, ok := err.(*gateway.Error); ok { //nolint:errorlint // as SNS makes it
		return v.showMailbox(w, refused.Status, "The subscription was not confirmed: "+visible(refused.Message))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/mailbox", http.StatusSeeOther)
	return nil
}

// admitted reports whether who asks is signed in and has a role, and else answers.
func (v *Viewer) admitted(w http.ResponseWriter, r *http.Request, workspaceID string) (bool, error) {
	s, found := v.session(workspaceID, r)
	if !found {
		http.Redirect(w, r, loginPath("/mailbox"), http.StatusFound)
		return false, nil
	}
	role, err := v.role(workspaceID, s.person.ID)
	if err != nil || role != "" {
		return err == nil, err
	}
	return false, v.refuse(w, workspaceID, s.person)
}
