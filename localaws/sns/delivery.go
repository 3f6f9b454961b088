package sns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	tries         = 4 // the first, and AWS's three retries
	deliveryTime  = 15 * time.Second
	maxAnswer     = 64 << 10 // bytes of an endpoint's answer that are read
	timestampForm = "2006-01-02T15:04:05.000Z"
)

// deliverer is the client of HTTP endpoints.
type deliverer struct{ *http.Client }

// newDeliverer makes one that connects to the addresses that reach allows only, follows
// nobody elsewhere and uses no proxy.
func newDeliverer(reach func(netip.Addr) bool) deliverer {
	dialer := &net.Dialer{Timeout: deliveryTime, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("could not read the endpoint's address: %w", err)
		}
		if !reach(at.Addr().Unmap()) {
			return fmt.Errorf("the local cloud delivers only to addresses of this machine, not to %s", at.Addr())
		}
		return nil
	}}
	return deliverer{&http.Client{
		Timeout:       deliveryTime,
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// deliver sends a message to a confirmed subscription, and counts the result.
func (s *SNS) deliver(ctx context.Context, x *subscription, m *message) {
	if strings.HasPrefix(x.Protocol, "email") {
		err := s.keepMail(s.notificationMail(x, m))
		s.note(x, m, err)
		return
	}
	body, err := json.Marshal(s.notification(x, m))
	if err != nil {
		s.note(x, m, err)
		return
	}
	s.send(ctx, x, m.ID, "Notification", body, func(err error) { s.note(x, m, err) })
}

func (s *SNS) note(x *subscription, m *message, err error) {
	metric := "NumberOfNotificationsDelivered"
	if err != nil {
		metric = "NumberOfNotificationsFailed"
		s.opts.Logger.Warn("could not deliver a notification", "subscription", x.ARN, "message", m.ID, "err", err)
	}
	s.counts.add(x.TopicARN, metric, s.opts.Now())
}

// send posts a body to an HTTP endpoint in the background, with AWS's retries. It
// continues when ctx has ended.
func (s *SNS) send(ctx context.Context, x *subscription, id, kind string, body []byte, done func(error)) {
	select {
	case s.slots <- struct{}{}:
	default:
		done(fmt.Errorf("the delivery queue has reached its limit of %d messages", maxDeliveries))
		return
	}
	s.work.Go(func() {
		defer func() { <-s.slots }()
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		s.work.Go(func() {
			select {
			case <-s.done:
				cancel()
			case <-ctx.Done():
			}
		})
		var err error
		for try := range tries {
			if try > 0 && !s.pause(ctx) {
				err = errors.Join(err, context.Canceled)
				break
			}
			var again bool
			if again, err = s.post(ctx, x, id, kind, body); !again {
				break
			}
		}
		done(err)
	})
}

// pause waits for the next try; false says that the service stops.
func (s *SNS) pause(ctx context.Context) bool {
	timer := time.NewTimer(s.opts.RetryDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// post makes one try. again says that another one may help: AWS does not repeat what an
// endpoint refuses for good.
func (s *SNS) post(ctx context.Context, x *subscription, id, kind string, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.Endpoint, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("deliver: %w", withoutURL(err))
	}
	for name, value := range map[string]string{
		"Content-Type": "text/plain; charset=UTF-8", "User-Agent": "Amazon Simple Notification Service Agent",
		"x-amz-sns-message-type": kind, "x-amz-sns-message-id": id, "x-amz-sns-topic-arn": x.TopicARN,
	} {
		r.Header.Set(name, value)
	}
	if kind == "Notification" {
		r.Header.Set("x-amz-sns-subscription-arn", x.ARN)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return ctx.Err() == nil, fmt.Errorf("deliver: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return true, fmt.Errorf("could not read the response of the endpoint: %w", err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return false, nil
	}
	return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests,
		fmt.Errorf("the endpoint returned HTTP status %d", resp.StatusCode)
}

// withoutURL is an error of a client without the endpoint's URL, whose path may be a secret:
// it is logged with the subscription's ARN.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// document is what HTTP endpoints and json e-mail get, in the order of AWS's.
type document struct {
	Type              string
	MessageID         string `json:"MessageId"`
	Token             string `json:",omitempty"`
	TopicARN          string `json:"TopicArn"`
	Subject           string `json:",omitempty"`
	Message           string
	SubscribeURL      string `json:",omitempty"`
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertURL    string
	UnsubscribeURL    string               `json:",omitempty"`
	MessageAttributes map[string]attribute `json:",omitempty"`
}

func (s *SNS) notification(x *subscription, m *message) document {
	return document{
		Type: "Notification", MessageID: m.ID, TopicARN: x.TopicARN, Subject: m.Subject, Message: m.textFor(x.Protocol),
		Timestamp: m.At.UTC().Format(timestampForm), SignatureVersion: m.Topic.signatureVersion(), UnsubscribeURL: s.unsubscribeURL(x),
		MessageAttributes: m.Attributes,
	}
}

func (t *topic) signatureVersion() string {
	if t.Signature == "" {
		return "1"
	}
	return t.Signature
}

func (s *SNS) unsubscribeURL(x *subscription) string {
	return s.opts.BaseURL() + "/?" + url.Values{"Action": {"Unsubscribe"}, "SubscriptionArn": {x.ARN}}.Encode()
}

func (s *SNS) confirmURL(x *subscription) string {
	return s.opts.BaseURL() + "/?" + url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {x.TopicARN}, "Token": {x.Token}}.Encode()
}

// askToConfirm sends a subscription's endpoint its token.
func (s *SNS) askToConfirm(ctx context.Context, t *topic, x *subscription, now time.Time) {
	id := s.opts.NewID()
	asks := document{
		Type: "SubscriptionConfirmation", MessageID: id, Token: x.Token, TopicARN: x.TopicARN,
		Message: "You have chosen to subscribe to the topic " + x.TopicARN +
			".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		SubscribeURL: s.confirmURL(x), Timestamp: now.UTC().Format(timestampForm), SignatureVersion: t.signatureVersion(),
	}
	body, err := json.Marshal(asks)
	if err == nil && strings.HasPrefix(x.Protocol, "email") {
		err = s.keepMail(s.confirmationMail(x, id, now, body))
	} else if err == nil {
		s.send(ctx, x, id, asks.Type, body, func(err error) {
			if err != nil {
				s.opts.Logger.Warn("could not deliver a subscription confirmation", "subscription", x.ARN, "err", err)
			}
		})
	}
	if err != nil {
		s.opts.Logger.Error("could not send a subscription confirmation", "subscription", x.ARN, "err", err)
	}
}
