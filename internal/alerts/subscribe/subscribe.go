// Package subscribe says who alerts are sent to: which endpoints the stack's topic takes,
// and whether they have confirmed.
package subscribe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Parameters of the template.
const (
	EmailParameter = "AlertEmail"
	URLParameter   = "AlertURL"
)

// chats are hosts whose webhooks take messages in a form of their own: they do not answer
// SNS's request to confirm. One that begins with a dot stands for those below it.
var chats = [...]struct{ host, name string }{
	{"hooks.slack.com", "Slack"}, {"hooks.slack-gov.com", "Slack"}, {".webhook.office.com", "Teams"}, {"outlook.office.com", "Teams"},
	{".logic.azure.com", "Teams"}, {".api.powerplatform.com", "Teams"}, {"chat.googleapis.com", "Google Chat"},
	{"discord.com", "Discord"}, {"discordapp.com", "Discord"},
}

// Parameters are the template's parameters for endpoints: e-mail addresses and https URLs,
// at most one of each.
func Parameters(endpoints []string) (map[string]string, error) {
	set := map[string]string{}
	for _, e := range endpoints {
		parameter, err := parameterOf(e)
		if err != nil {
			return nil, err
		}
		if other, twice := set[parameter]; twice && other != e {
			return nil, hint.New(hint.Usage, errors.New("--alert-to takes at most one e-mail address and one URL"),
				"subscribe further endpoints with 'aws sns subscribe'; the stack output AlertTopicArn is the topic's ARN")
		}
		set[parameter] = e
	}
	return set, nil
}

func parameterOf(endpoint string) (string, error) {
	if !strings.Contains(endpoint, "://") {
		address, err := mail.ParseAddress(endpoint)
		ascii := strings.IndexFunc(endpoint, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
		if err != nil || address.Address != endpoint || !ascii || !strings.Contains(endpoint[strings.LastIndex(endpoint, "@"):], ".") {
			return "", hint.New(hint.BadInput, fmt.Errorf("--alert-to %q is neither an e-mail address nor an https URL", endpoint),
				"give an e-mail address such as alice@example.com, or a URL such as https://HOST/PATH")
		}
		return EmailParameter, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(endpoint, " \t\r\n") {
		return "", hint.New(hint.BadInput, errors.New("--alert-to takes URLs that begin with https:// and name a host"),
			"alerts contain names of nodes and users; give an https URL or an e-mail address")
	}
	if chat := chatOf(u.Hostname()); chat != "" {
		return "", hint.New(hint.BadInput, fmt.Errorf("a webhook of %s cannot confirm an SNS subscription, so it would receive no alerts", chat),
			"connect the channel to the topic with Amazon Q Developer in chat applications, or give the channel's e-mail address; "+
				"docs/alerts/README.md describes both")
	}
	return URLParameter, nil
}

// chatOf names the chat that a host belongs to; "": none that is known.
func chatOf(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, c := range chats {
		if host == c.host || strings.HasPrefix(c.host, ".") && strings.HasSuffix(host, c.host) {
			return c.name
		}
	}
	return ""
}

// Subscription is an endpoint of a topic.
type Subscription struct {
	Protocol  string `json:"protocol"`
	Endpoint  string `json:"endpoint"` // of a URL its host alone: paths hold keys
	Confirmed bool   `json:"confirmed"`
}

// String is the subscription in words.
func (s Subscription) String() string {
	if s.Confirmed {
		return s.Endpoint + ", confirmed"
	}
	if s.Protocol == "email" || s.Protocol == "email-json" {
		return s.Endpoint + ", not confirmed: SNS sends no alerts to this address before the link in the confirmation e-mail is opened"
	}
	return s.Endpoint + ", not confirmed: SNS sends no alerts to this endpoint before it confirms the subscription"
}

// List asks for the subscriptions of a topic, the confirmed ones first.
func List(ctx context.Context, cfg aws.Config, topicARN string) ([]Subscription, error) {
	all := []Subscription{}
	pages := sns.NewListSubscriptionsByTopicPaginator(sns.NewFromConfig(cfg), &sns.ListSubscriptionsByTopicInput{TopicArn: &topicARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Explain("list the subscriptions of "+topicARN, err, awserr.Next{Denied: awserr.WhoAsks})
		}
		for _, s := range page.Subscriptions {
			arn := aws.ToString(s.SubscriptionArn)
			if arn == "Deleted" {
				continue
			}
			all = append(all, Subscription{Protocol: aws.ToString(s.Protocol), Endpoint: shown(aws.ToString(s.Endpoint)),
				Confirmed: strings.HasPrefix(arn, "arn:")})
		}
	}
	slices.SortStableFunc(all, func(a, b Subscription) int {
		if a.Confirmed != b.Confirmed {
			return map[bool]int{true: -1, false: 1}[a.Confirmed]
		}
		return cmp.Compare(a.Endpoint, b.Endpoint)
	})
	return all, nil
}

func shown(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/…"
	}
	return endpoint
}
