package alertmanager

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
)

// externalURL is what templates see as Alertmanager's address: AMP's has none.
var externalURL = &url.URL{Scheme: "http", Host: "alertmanager"}

// Bounds of SNS, which AMP cuts messages down to.
const (
	maxMessageBytes = 256 * 1024
	maxSubjectChars = 100
)

// Message is what a topic is sent.
type Message struct {
	TopicARN   string
	Subject    string
	Text       string
	Attributes map[string]string
}

// notifier sends a group of alerts to a topic.
type notifier struct {
	conf    *config.SNSConfig
	tmpl    *template.Template
	publish func(ctx context.Context, region string, m Message) (retry bool, err error)
	logger  *slog.Logger
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	var err error
	text := notify.TmplText(n.tmpl, notify.GetTemplateData(ctx, n.tmpl, alerts, n.logger), &err)
	m := Message{TopicARN: n.conf.TopicARN, Subject: text(n.conf.Subject), Text: text(n.conf.Message), Attributes: map[string]string{}}
	for name, value := range n.conf.Attributes {
		m.Attributes[text(name)] = text(value)
	}
	if err != nil {
		return false, fmt.Errorf("could not execute the receiver's templates: %w", err)
	}
	m.fit()
	return n.publish(ctx, n.conf.Sigv4.Region, m)
}

// fit changes what SNS would refuse, as AMP does, and says so in attributes.
func (m *Message) fit() {
	var modified []string
	for name, value := range m.Attributes {
		if name == "" || value == "" || !utf8.ValidString(value) {
			delete(m.Attributes, name)
			modified = append(modified, "MessageAttribute: Error - 1 of message attributes were removed because of invalid "+
				"MessageAttributeKey or "+
				"MessageAttributeValue")
		}
	}
	switch {
	case !utf8.ValidString(m.Text):
		m.Text = "Error - not a valid UTF-8 encoded string"
		m.Attributes["truncated"] = "true"
		modified = append(modified, "Message: Error - not a valid UTF-8 encoded string")
	case m.Text == "":
		m.Text = "Error - Message should not be empty."
		modified = append(modified, "Message: Error - Message should not be empty.")
	}
	switch {
	case strings.ContainsFunc(m.Subject, func(c rune) bool { return c < ' ' || c > '~' }):
		m.Subject = "Error - contains control- or non-ASCII characters"
		modified = append(modified, "Subject: Error - contains control- or non-ASCII characters")
	case len(m.Subject) > maxSubjectChars:
		modified = append(modified, fmt.Sprintf("Subject: Error - Subject has been truncated from %d characters, because it exceeds the 100 "+
			"character size limit", len(m.Subject)))
		m.Subject = m.Subject[:maxSubjectChars]
	}
	m.Subject = strings.TrimLeft(m.Subject, " ")
	most := maxMessageBytes - 1024 // for the attributes that say what was changed
	for name, value := range m.Attributes {
		most -= len(name) + len(value) + len("String")
	}
	if len(m.Text) > maxMessageBytes || len(m.Text) > most {
		modified = append(modified, fmt.Sprintf("Message: Error - Message has been truncated from %d KB, because it exceeds the 256 KB "+
			"size limit",
			len(m.Text)/1024))
		m.Text = strings.ToValidUTF8(m.Text[:max(most, 0)], "")
		m.Attributes["truncated"] = "true"
	}
	if len(modified) > 0 {
		m.Attributes["modified"] = strings.Join(modified, ", ")
	}
}
