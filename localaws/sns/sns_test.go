package sns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sns"
)

const topicARN = "arn:aws:sns:us-east-2:111122223333:alerts"

// cloud is SNS behind the gateway.
type cloud struct {
	*servicetest.Base
	*sdk.Client
	sns *sns.SNS
}

func start(t *testing.T, reach func(netip.Addr) bool) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, t.TempDir())}
	c.Account()
	c.sns = sns.New(sns.Options{State: c.State, BaseURL: c.URL, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger, Reach: reach,
		RetryDelay: time.Millisecond})
	c.Serve(gateway.Options{Services: []gateway.Service{c.sns.Service()}}, c.sns.Close)
	c.Client = sdk.NewFromConfig(c.Config("us-east-2"))
	out, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("alerts")})
	check.OK(t, err)
	if *out.TopicArn != topicARN {
		t.Fatalf("the topic is %s", *out.TopicArn)
	}
	return c
}

func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}

func (c *cloud) subscribe(t *testing.T, protocol, endpoint string) string {
	t.Helper()
	out, err := c.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: aws.String(topicARN), Protocol: &protocol, Endpoint: &endpoint})
	check.OK(t, err)
	return *out.SubscriptionArn
}

func (c *cloud) attributes(t *testing.T) map[string]string {
	t.Helper()
	out, err := c.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: aws.String(topicARN)})
	check.OK(t, err)
	return out.Attributes
}

func (c *cloud) publish(t *testing.T, subject, text string) error {
	_, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(topicARN), Subject: &subject, Message: &text})
	return err
}

// sum is how often something was counted since the test began.
func (c *cloud) sum(metric string) float64 {
	all := c.sns.Sums("us-east-2", "alerts", metric, c.Clock.Now().Add(-time.Hour), 2*time.Hour, 1)
	if all == nil {
		return 0
	}
	return all[0]
}

// counted waits until something was counted, which is after an endpoint was answered.
func (c *cloud) counted(t *testing.T, metric string) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.sum(metric) != 1 {
		select {
		case <-deadline:
			t.Fatalf("%s is %v", metric, c.sum(metric))
		case <-tick.C:
		}
	}
}

func TestTopics(t *testing.T) {
	c := start(t, nil)
	for range 2 {
		if _, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("alerts")}); err != nil {
			t.Errorf("the same topic again: %v", err)
		}
	}
	if _, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("alerts"),
		Attributes: map[string]string{"DisplayName": "other"}}); !isError(err, "InvalidParameter", "different attributes") {
		t.Errorf("with other attributes: %v", err)
	}
	for _, name := range []string{"a b", "ü", strings.Repeat("x", 257)} {
		if _, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: &name}); !isError(err, "InvalidParameter", "Topic Name") {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := func(name, value string) error {
		_, err := c.SetTopicAttributes(t.Context(), &sdk.SetTopicAttributesInput{TopicArn: aws.String(topicARN), AttributeName: &name,
			AttributeValue: &value})
		return err
	}
	check.OK(t, set("DisplayName", "Alerts of c1"))
	if a := c.attributes(t); a["DisplayName"] != "Alerts of c1" || a["Owner"] != "111122223333" || !strings.Contains(a["Policy"],
		"AWS:SourceOwner") {
		t.Errorf("attributes: %v", a)
	}
	if err := set("Policy", "{}"); !isError(err, "InvalidParameter", "Policy") {
		t.Errorf("a policy that is none: %v", err)
	}
	if err := set("Nonsense", ""); !isError(err, "InvalidParameter", "AttributeName") {
		t.Errorf("an attribute that is none: %v", err)
	}
	for i := range 120 {
		_, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String(fmt.Sprintf("t%d", i))})
		check.OK(t, err)
	}
	n := 0
	pages := sdk.NewListTopicsPaginator(c.Client, &sdk.ListTopicsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check.OK(t, err)
		n += len(page.Topics)
	}
	if n != 121 {
		t.Errorf("%d topics", n)
	}
	_, err := c.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: aws.String(topicARN)})
	check.OK(t, err)
	if err := set("DisplayName", "x"); !isError(err, "NotFound", "Topic does not exist") {
		t.Errorf("when it is gone: %v", err)
	}
}

func TestMailIsConfirmedAndArrives(t *testing.T) {
	c := start(t, nil)
	if arn := c.subscribe(t, "email", "alice@example.com"); arn != "pending confirmation" {
		t.Errorf("subscribed: %s", arn)
	}
	check.OK(t, c.publish(t, "early", "nobody reads it"))
	mails, err := c.sns.Mails()
	if err != nil || len(mails) != 1 || mails[0].Token == "" || mails[0].To != "alice@example.com" {
		t.Fatalf("mails: %+v, %v", mails, err)
	}
	list, err := c.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: aws.String(topicARN)})
	if err != nil || len(list.Subscriptions) != 1 || *list.Subscriptions[0].SubscriptionArn != "PendingConfirmation" {
		t.Errorf("subscriptions: %+v, %v", list, err)
	}
	if a := c.attributes(t); a["SubscriptionsPending"] != "1" || a["SubscriptionsConfirmed"] != "0" {
		t.Errorf("attributes: %v", a)
	}
	if _, err := c.ConfirmSubscription(t.Context(), &sdk.ConfirmSubscriptionInput{TopicArn: aws.String(topicARN),
		Token: aws.String("nonsense")}); !isError(err, "InvalidParameter", "Token") {
		t.Errorf("a token that is none: %v", err)
	}
	// The link of the mail, as it is clicked.
	link := mails[0].Text[strings.Index(mails[0].Text, "http"):]
	link = strings.TrimSpace(link)
	u := check.Must[*url.URL](t)(url.Parse(link))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/?"+u.RawQuery, nil)
	if !sns.Unsigned(r) {
		t.Fatalf("%s is not taken for a link", link)
	}
	c.sns.ServeUnsigned(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<SubscriptionArn>"+topicARN+":") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	check.OK(t, c.publish(t, "Node down", "c1-0 is down"))
	mails, err = c.sns.Mails()
	if err != nil || len(mails) != 2 || mails[0].Token != "" || mails[1].Subject != "Node down" ||
		!strings.HasPrefix(mails[1].Text, "c1-0 is down\n") || !strings.Contains(mails[1].Text, "Action=Unsubscribe") {
		t.Errorf("mails: %+v, %v", mails, err)
	}
	if c.sum("NumberOfMessagesPublished") != 2 || c.sum("NumberOfNotificationsDelivered") != 1 || c.sum("NumberOfNotificationsFailed") != 0 {
		t.Error("the counts are wrong")
	}
	list, err = c.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: aws.String(topicARN)})
	check.OK(t, err)
	_, err = c.Unsubscribe(t.Context(), &sdk.UnsubscribeInput{SubscriptionArn: list.Subscriptions[0].SubscriptionArn})
	check.OK(t, err)
	if a := c.attributes(t); a["SubscriptionsConfirmed"] != "0" || a["SubscriptionsDeleted"] != "1" {
		t.Errorf("attributes: %v", a)
	}
}

// TestTokensEnd: who does not confirm in two days is forgotten.
func TestTokensEnd(t *testing.T) {
	c := start(t, nil)
	c.subscribe(t, "email", "alice@example.com")
	mails, err := c.sns.Mails()
	check.OK(t, err)
	token := mails[0].Token
	c.Clock.Set(48*time.Hour + time.Minute)
	if _, err := c.sns.Confirm(topicARN, token, false); err == nil {
		t.Error("a token of three days ago is good")
	}
	if mails, err := c.sns.Mails(); err != nil || mails[0].Token != "" {
		t.Errorf("the mail still asks: %+v, %v", mails, err)
	}
}

func TestEndpointsThatCannotBeSubscribed(t *testing.T) {
	c := start(t, nil)
	for _, x := range []struct{ protocol, endpoint, code string }{
		{"email", "alice", "InvalidParameter"}, {"email", "a@b\r\nBcc: c@d", "InvalidParameter"}, {"http", "https://x/", "InvalidParameter"},
		{"https", "ftp://x/", "InvalidParameter"}, {"nonsense", "x", "InvalidParameter"}, {"sqs", "arn:aws:sqs:us-east-2:1:q",
			"NotImplemented"},
	} {
		_, err := c.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: aws.String(topicARN), Protocol: &x.protocol, Endpoint: &x.endpoint})
		if !isError(err, x.code, "") {
			t.Errorf("%s %q: %v", x.protocol, x.endpoint, err)
		}
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	c := start(t, nil)
	for name, x := range map[string]struct{ subject, text, says string }{
		"long subject":        {strings.Repeat("x", 101), "m", "Subject"},
		"subject with a line": {"a\nb", "m", "Subject"}, "subject of letters that are not ASCII": {"ü", "m", "Subject"},
		"subject with a blank before": {" a", "m", "Subject"}, "no message": {"s", "", "Empty message"},
		"long message": {"s", strings.Repeat("x", 262_145), "too long"},
	} {
		if err := c.publish(t, x.subject, x.text); !isError(err, "InvalidParameter", x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.publish(t, strings.Repeat("x", 100), strings.Repeat("x", 262_144)); err != nil {
		t.Errorf("the largest message: %v", err)
	}
	_, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(topicARN), Message: aws.String(strings.Repeat("x", 262_140)),
		MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("String"), StringValue: aws.String("1234")}}})
	if !isError(err, "InvalidParameter", "too long") {
		t.Errorf("attributes that make it too long: %v", err)
	}
}

// hook is an HTTP endpoint that keeps what it is sent.
func hook(t *testing.T, answer func(n int) int) (string, chan *http.Request, chan []byte) {
	requests, bodies, n := make(chan *http.Request, 16), make(chan []byte, 16), 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n++
		status := answer(n)
		w.WriteHeader(status)
		requests <- r
		bodies <- body
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/hook", requests, bodies
}

func next[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case x := <-from:
		return x
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestHTTPEndpoint(t *testing.T) {
	c := start(t, nil)
	endpoint, requests, bodies := hook(t, func(n int) int {
		if n == 2 || n == 3 {
			return 500 // of the notification: it is tried again
		}
		return 200
	})
	c.subscribe(t, "http", endpoint)
	r := next(t, requests)
	var asks struct{ Type, Token, TopicArn, SubscribeURL string }
	check.OK(t, json.Unmarshal(next(t, bodies), &asks))
	if r.Header.Get("x-amz-sns-message-type") != "SubscriptionConfirmation" || asks.Type != "SubscriptionConfirmation" ||
		asks.TopicArn != topicARN || !strings.HasPrefix(asks.SubscribeURL, c.URL()+"/?Action=ConfirmSubscription&") {
		t.Errorf("%v %+v", r.Header, asks)
	}
	confirmed, err := c.ConfirmSubscription(t.Context(), &sdk.ConfirmSubscriptionInput{TopicArn: aws.String(topicARN), Token: &asks.Token})
	check.OK(t, err)
	_, err = c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(topicARN), Subject: aws.String("s"), Message: aws.String("m"),
		MessageAttributes: map[string]types.MessageAttributeValue{"severity": {DataType: aws.String("String"),
			StringValue: aws.String("page")}}})
	check.OK(t, err)
	for range 3 { // two that fail, and one that does not
		r = next(t, requests)
		var got struct {
			Type, MessageId, TopicArn, Subject, Message, Timestamp, UnsubscribeURL string
			MessageAttributes                                                      map[string]struct{ Type, Value string }
		}
		check.OK(t, json.Unmarshal(next(t, bodies), &got))
		if got.Type != "Notification" || got.Subject != "s" || got.Message != "m" || got.MessageAttributes["severity"].Value != "page" ||
			r.Header.Get("x-amz-sns-message-id") != got.MessageId || r.Header.Get("x-amz-sns-topic-arn") != topicARN ||
			r.Header.Get("x-amz-sns-subscription-arn") != *confirmed.SubscriptionArn {
			t.Errorf("%v %+v", r.Header, got)
		}
	}
	c.counted(t, "NumberOfNotificationsDelivered")
}

// TestEndpointsThatAreNotReached: a delivery is given up, and counted.
func TestEndpointsThatAreNotReached(t *testing.T) {
	for name, x := range map[string]struct {
		status int
		reach  func(netip.Addr) bool
		tries  int
	}{
		"refused for good":   {status: 403, tries: 1},
		"never well":         {status: 503, tries: 4},
		"sent elsewhere":     {status: 302, tries: 1},
		"not of the machine": {status: 200, reach: func(netip.Addr) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			allowed := true
			c := start(t, func(a netip.Addr) bool { return allowed && a.IsLoopback() })
			endpoint, requests, bodies := hook(t, func(n int) int {
				if n == 1 {
					return 200
				}
				return x.status
			})
			c.subscribe(t, "http", endpoint)
			next(t, requests)
			var asks struct{ Token string }
			check.OK(t, json.Unmarshal(next(t, bodies), &asks))
			_, err := c.sns.Confirm(topicARN, asks.Token, false)
			check.OK(t, err)
			allowed = x.reach == nil
			check.OK(t, c.publish(t, "s", "m"))
			c.counted(t, "NumberOfNotificationsFailed")
			if len(requests) != x.tries {
				t.Errorf("%d tries, want %d", len(requests), x.tries)
			}
		})
	}
}

// TestTopicPolicy: a service of AWS's publishes where the topic's policy lets it.
func TestTopicPolicy(t *testing.T) {
	c := start(t, nil)
	service := principal.Principal{Account: principal.Account, ARN: "aps.amazonaws.com", UserID: "aps.amazonaws.com"}
	workspace := "arn:aws:aps:us-east-2:111122223333:workspace/ws-1"
	publish := func(account, source string) gateway.Answer {
		t.Helper()
		return check.Must[gateway.Answer](t)(c.Call(t.Context(), service, gateway.Call{
			Service: "sns", Operation: "Publish", Region: "us-east-2", Form: url.Values{"TopicArn": {topicARN}, "Message": {"m"}},
			Keys: map[string][]string{"aws:SourceAccount": {account}, "aws:SourceArn": {source}},
		}))
	}
	if a := publish(principal.Account, workspace); a.Status != 403 || !strings.Contains(string(a.Body), "AuthorizationError") {
		t.Errorf("with the default policy: %d %s", a.Status, a.Body)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"aps.amazonaws.com"},"Action":["sns:Publish",
		"sns:GetTopicAttributes"],"Resource":"` + topicARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},
		"ArnEquals":{"aws:SourceArn":"` + workspace + `"}}}]}`
	_, err := c.SetTopicAttributes(t.Context(), &sdk.SetTopicAttributesInput{TopicArn: aws.String(topicARN),
		AttributeName:  aws.String("Policy"),
		AttributeValue: &policy})
	check.OK(t, err)
	for name, x := range map[string]struct {
		account, source string
		status          int
	}{
		"right": {principal.Account, workspace, 200}, "another account": {"444455556666", workspace, 403},
		"another workspace": {principal.Account, workspace + "2", 403},
	} {
		if a := publish(x.account, x.source); a.Status != x.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	check.OK(t, c.publish(t, "s", "a principal of the account needs no statement"))
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"` + topicARN + `"}]}`
	_, err = c.SetTopicAttributes(t.Context(), &sdk.SetTopicAttributesInput{TopicArn: aws.String(topicARN),
		AttributeName:  aws.String("Policy"),
		AttributeValue: &deny})
	check.OK(t, err)
	if err := c.publish(t, "s", "m"); !isError(err, "AuthorizationError", "explicit deny") {
		t.Errorf("with a policy that denies: %v", err)
	}
}

// TestMailboxIsBounded keeps the newest.
func TestMailboxIsBounded(t *testing.T) {
	c := start(t, nil)
	c.subscribe(t, "email", "alice@example.com")
	mails, err := c.sns.Mails()
	check.OK(t, err)
	_, err = c.sns.Confirm(topicARN, mails[0].Token, false)
	check.OK(t, err)
	for i := range 40 { // 10 MB
		check.OK(t, c.publish(t, fmt.Sprint(i), strings.Repeat("x", 262_000)))
	}
	mails, err = c.sns.Mails()
	if err != nil || len(mails) != 31 || mails[len(mails)-1].Subject != "39" {
		t.Errorf("%d mails, %v", len(mails), err)
	}
}
