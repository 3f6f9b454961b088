package sns

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// Mail is an e-mail that SNS sent: it goes no further than this mailbox.
type Mail struct {
	ID      string
	At      time.Time
	To      string
	Subject string
	Text    string
	// TopicARN and Token are those of a subscription that waits for its confirmation.
	TopicARN string `json:",omitempty"`
	Token    string `json:",omitempty"`
}

const (
	maxMails     = 300
	maxMailBytes = 8 << 20 // of all mails together
)

func (s *SNS) notificationMail(x *subscription, m *message) Mail {
	mail := Mail{ID: m.ID, At: m.At, To: x.Endpoint, Subject: m.Subject}
	if mail.Subject == "" {
		mail.Subject = "AWS Notification Message"
	}
	if x.Protocol == "email-json" {
		body, _ := json.MarshalIndent(s.notification(x, m), "", "  ") // texts and maps of them always have a JSON form
		mail.Text = string(body)
		return mail
	}
	mail.Text = m.textFor(x.Protocol) + "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the " +
		"link " +
		"below to unsubscribe:\n" + s.unsubscribeURL(x) + "\n"
	return mail
}

func (s *SNS) confirmationMail(x *subscription, id string, now time.Time, document []byte) Mail {
	mail := Mail{ID: id, At: now, To: x.Endpoint, Subject: "AWS Notification - Subscription Confirmation", TopicARN: x.TopicARN,
		Token: x.Token}
	if mail.Text = string(document); x.Protocol != "email-json" {
		mail.Text = "You have chosen to subscribe to the topic:\n" + x.TopicARN + "\n\nTo confirm this subscription, click or visit the link " +
			"below (If this was in error no action is necessary):\n" + s.confirmURL(x) + "\n"
	}
	return mail
}

// keepMail puts a mail in the mailbox, which loses its oldest when it is full.
func (s *SNS) keepMail(m Mail) error {
	return s.opts.State.Update(func(tx *state.Tx) error {
		var keys []string
		var sizes []int
		total, last := len(m.Text), 0
		if err := tx.ForEach(mails, func(key string, _ func(any) error) error {
			size := 0
			if _, err := fmt.Sscanf(key, "%d/%d", &last, &size); err != nil {
				return fmt.Errorf("could not read the number of mail %s: %w", key, err)
			}
			keys, sizes, total = append(keys, key), append(sizes, size), total+size
			return nil
		}); err != nil {
			return err
		}
		for i, key := range keys {
			if len(keys)-i < maxMails && total <= maxMailBytes {
				break
			}
			total -= sizes[i]
			if err := tx.Delete(mails, key); err != nil {
				return err
			}
		}
		return tx.Put(mails, fmt.Sprintf("%020d/%d", last+1, len(m.Text)), m)
	})
}

// Mails are all that are in the mailbox, oldest first. Of those that ask for a confirmation
// that was given, or is no longer possible, Token is empty.
func (s *SNS) Mails() (all []Mail, err error) {
	waiting := map[string]bool{}
	err = s.opts.State.View(func(tx *state.Tx) error {
		if err := ofTopic(tx, "", s.opts.Now(), func(x *subscription) { waiting[x.Token] = x.pending() }); err != nil {
			return err
		}
		return tx.ForEach(mails, func(_ string, decode func(any) error) error {
			var m Mail
			if err := decode(&m); err != nil {
				return err
			}
			if !waiting[m.Token] {
				m.Token = ""
			}
			all = append(all, m)
			return nil
		})
	})
	return all, err
}
