package sns

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const maxEndpoint = 2048 // bytes

// checkEndpoint holds what is subscribed against its protocol.
func checkEndpoint(protocol, endpoint string) error {
	switch protocol {
	case "email", "email-json":
		a, err := mail.ParseAddress(endpoint)
		if err != nil || a.Address != endpoint || len(endpoint) > 320 || strings.ContainsAny(endpoint, "\r\n") {
			return invalid("Email address")
		}
	case "http", "https":
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != protocol || u.Host == "" || len(endpoint) > maxEndpoint {
			return invalid("Endpoint must match the specified protocol")
		}
	case "sqs", "lambda", "sms", "application", "firehose":
		return gateway.NotImplemented("the protocol " + protocol + " of sns:Subscribe")
	default:
		return invalid("Does not support this protocol string: %s", protocol)
	}
	return nil
}

func (s *SNS) subscribe(w http.ResponseWriter, r *gateway.Request) error {
	protocol, endpoint := r.Form.Get("Protocol"), r.Form.Get("Endpoint")
	if err := checkEndpoint(protocol, endpoint); err != nil {
		return err
	}
	if len(entries(r.Form, "Attributes")) > 0 {
		return gateway.NotImplemented("attributes of sns:Subscribe")
	}
	var x *subscription
	var t *topic
	if err := s.opts.State.Update(func(tx *state.Tx) (err error) {
		if t, err = s.loadTopic(tx, r.Form.Get("TopicArn")); err != nil {
			return err
		}
		count := 0
		if err := ofTopic(tx, t.ARN+":", r.Now, func(old *subscription) {
			count++
			if old.Protocol == protocol && old.Endpoint == endpoint {
				x = old
			}
		}); err != nil || x != nil {
			return err
		}
		if count >= maxSubscriptions {
			return &gateway.Error{Status: http.StatusForbidden, Code: "SubscriptionLimitExceeded", Message: "Subscription limit exceeded"}
		}
		x = &subscription{ARN: t.ARN + ":" + s.opts.NewID(), TopicARN: t.ARN, Protocol: protocol, Endpoint: endpoint,
			Owner: r.Principal.Account,
			Token: newToken(), CreatedAt: r.Now}
		return tx.Put(subscriptions, x.ARN, x)
	}); err != nil {
		return err
	}
	if x.pending() {
		s.askToConfirm(r.Context(), t, x, r.Now)
	}
	answer := struct{ SubscriptionArn string }{x.ARN}
	if x.pending() && r.Form.Get("ReturnSubscriptionArn") != "true" {
		answer.SubscriptionArn = "pending confirmation"
	}
	return gateway.WriteQuery(w, r, answer)
}

func newToken() string {
	b := make([]byte, 64)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (s *SNS) confirmSubscription(w http.ResponseWriter, r *gateway.Request) error {
	arn, err := s.Confirm(r.Form.Get("TopicArn"), r.Form.Get("Token"), r.Form.Get("AuthenticateOnUnsubscribe") == "true")
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ SubscriptionArn string }{arn})
}

// Confirm confirms the subscription of a topic that was told the token. An error is AWS's answer.
func (s *SNS) Confirm(topicARN, token string, authenticate bool) (arn string, err error) {
	if token == "" || len(token) > 256 {
		return "", invalid("Token")
	}
	err = s.opts.State.Update(func(tx *state.Tx) error {
		if _, err := s.loadTopic(tx, topicARN); err != nil {
			return err
		}
		var found *subscription
		if err := ofTopic(tx, topicARN+":", s.opts.Now(), func(x *subscription) {
			if x.Token == token {
				found = x
			}
		}); err != nil {
			return err
		}
		if found == nil {
			return invalid("Token")
		}
		arn = found.ARN
		found.Token, found.Authenticated = "", authenticate
		return tx.Put(subscriptions, arn, found)
	})
	return arn, err
}

// onSubscription is what a permission for a subscription must be for: its topic.
func onSubscription(r *gateway.Request) []string {
	arn := r.Form.Get("SubscriptionArn")
	if i := strings.LastIndex(arn, ":"); i > 0 {
		return []string{arn[:i]}
	}
	return []string{"*"}
}

func (s *SNS) unsubscribe(w http.ResponseWriter, r *gateway.Request) error {
	if err := s.endSubscription(r.Form.Get("SubscriptionArn"), true); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{}{})
}

// endSubscription removes one; that of somebody who did not sign only where that is allowed.
func (s *SNS) endSubscription(arn string, signed bool) error {
	if !strings.HasPrefix(arn, "arn:") || strings.Count(arn, ":") != 6 {
		return invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(arn, ":")+1)
	}
	return s.opts.State.Update(func(tx *state.Tx) error {
		x, err := s.loadSubscription(tx, arn, s.opts.Now())
		if err != nil {
			return err
		}
		if x.Authenticated && !signed {
			return &gateway.Error{Status: http.StatusForbidden, Code: "AuthorizationError",
				Message: "Unsubscribe of this subscription must be signed"}
		}
		return s.remove(tx, x)
	})
}

func (s *SNS) getSubscriptionAttributes(w http.ResponseWriter, r *gateway.Request) error {
	var x *subscription
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		x, err = s.loadSubscription(tx, r.Form.Get("SubscriptionArn"), r.Now)
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Attributes attributes }{attributes{
		"SubscriptionArn": x.ARN, "TopicArn": x.TopicARN, "Owner": x.Owner, "Protocol": x.Protocol, "Endpoint": x.Endpoint,
		"PendingConfirmation":          strconv.FormatBool(x.pending()),
		"ConfirmationWasAuthenticated": strconv.FormatBool(x.Authenticated), "RawMessageDelivery": "false",
		"SubscriptionPrincipal": "arn:aws:iam::" + principal.Account + ":root",
	}})
}

// listed is a subscription as the lists have it.
type listed struct{ SubscriptionArn, Owner, Protocol, Endpoint, TopicArn string }

func (s *SNS) listSubscriptions(w http.ResponseWriter, r *gateway.Request) error {
	return s.list(w, r, arnOf(r.Region, ""), func(*state.Tx) error { return nil })
}

func (s *SNS) listSubscriptionsByTopic(w http.ResponseWriter, r *gateway.Request) error {
	arn := r.Form.Get("TopicArn")
	return s.list(w, r, arn+":", func(tx *state.Tx) error {
		_, err := s.loadTopic(tx, arn)
		return err
	})
}

func (s *SNS) list(w http.ResponseWriter, r *gateway.Request, prefix string, check func(*state.Tx) error) error {
	var all []*subscription
	err := s.opts.State.View(func(tx *state.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		return ofTopic(tx, prefix, r.Now, func(x *subscription) { all = append(all, x) })
	})
	if err != nil {
		return err
	}
	found, next := page(all, func(x *subscription) string { return x.ARN }, r.Form.Get("NextToken"))
	var out members[listed]
	for _, x := range found {
		l := listed{x.ARN, x.Owner, x.Protocol, x.Endpoint, x.TopicARN}
		if x.pending() {
			l.SubscriptionArn = "PendingConfirmation"
		}
		out.Member = append(out.Member, l)
	}
	return gateway.WriteQuery(w, r, struct {
		Subscriptions members[listed]
		NextToken     string `xml:",omitempty"`
	}{out, next})
}

// Unsigned reports whether a request is one of the links in messages, which work without a signature.
func Unsigned(r *http.Request) bool {
	action := r.URL.Query().Get("Action")
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Authorization") == "" &&
		(action == "ConfirmSubscription" || action == "Unsubscribe") && !r.URL.Query().Has("X-Amz-Signature")
}

// ServeUnsigned answers such a request.
func (s *SNS) ServeUnsigned(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	action, arn := query.Get("Action"), query.Get("SubscriptionArn")
	var err error
	if action == "ConfirmSubscription" {
		arn, err = s.Confirm(query.Get("TopicArn"), query.Get("Token"), false)
	} else {
		err = s.endSubscription(arn, false)
	}
	type failure struct{ Type, Code, Message string }
	if refused, ok := err.(*gateway.Error); ok { //nolint:errorlint // as it is made
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(refused.Status)
		fmt.Fprintf(w, "<ErrorResponse>%s</ErrorResponse>", xmlOf("Error", failure{"Sender", refused.Code, refused.Message}))
		return
	}
	if err != nil {
		s.opts.Logger.Error("link of a message", "action", action, "err", err)
		http.Error(w, "InternalError", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, "<%sResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">%s</%sResponse>", action,
		xmlOf(action+"Result", struct{ SubscriptionArn string }{arn}), action)
}
