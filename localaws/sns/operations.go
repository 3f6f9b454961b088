package sns

import "github.com/parascope/parascope/localaws/gateway"

const (
	reference = "SNS API reference"
	guide     = "SNS developer guide"
	simple    = "a simplification of the local cloud"
)

// Service is the API.
func (s *SNS) Service() gateway.Service {
	return gateway.Service{
		Name: "sns", Title: "Amazon Simple Notification Service", SigningName: "sns", Version: "2010-03-31", Protocol: gateway.Query,
		DeniedCode: "AuthorizationError", Operations: gateway.RequireActions("sns", onTopic, s.operations()), Rules: []gateway.Rule{
			{Text: "permissions are checked for the topic's ARN; without permission the response is 403 AuthorizationError",
				Basis:  gateway.Confirmed,
				Source: "service authorization reference, Amazon SNS; " + reference + ", common errors"},
			{Text: "a topic's policy is evaluated for Publish: an AWS service needs a statement that names the service, evaluated with the " +
				"condition keys aws:SourceAccount and aws:SourceArn; for principals of the account, the policy can only deny", Basis: gateway.Inferred,
				Source: guide + ", access policies (on AWS a topic's policy can also grant permissions that the identity's policies lack; this " +
					"is not supported)"},
			{Text: "an account has at most 1,000 topics, and a topic has at most 200 subscriptions", Basis: gateway.Assumed,
				Source: "a limit of the local cloud; AWS's limits are much higher"},
		},
	}
}

func (s *SNS) operations() []gateway.Operation {
	all := []gateway.Operation{
		{Name: "CreateTopic", Serve: s.createTopic, Resources: named, Rules: []gateway.Rule{
			{Text: "a name has 1 to 256 characters of `A-Za-z0-9_-`; creating an existing topic returns its ARN, or 400 InvalidParameter " +
				"if the attributes or tags differ", Basis: gateway.Confirmed, Source: reference + ", CreateTopic (texts as reported by users)"},
			{Text: "only standard topics with DisplayName, Policy and SignatureVersion are supported; other attributes are refused with " +
				"501", Basis: gateway.Assumed,
				Source: simple},
		}},
		{Name: "DeleteTopic", Serve: s.deleteTopic, Rules: []gateway.Rule{
			{Text: "the subscriptions of the topic are deleted too; deleting an unknown topic is not an " +
				"error", Basis: gateway.Confirmed, Source: reference +
				", DeleteTopic"},
		}},
		{Name: "GetTopicAttributes", Serve: s.getTopicAttributes},
		{Name: "SetTopicAttributes", Serve: s.setTopicAttributes},
		{Name: "ListTopics", Serve: s.listTopics, Rules: []gateway.Rule{
			{Text: "a page has 100 topics", Basis: gateway.Confirmed, Source: reference + ", ListTopics"},
		}},
		{Name: "Subscribe", Serve: s.subscribe, Rules: []gateway.Rule{
			{Text: "the response is `pending confirmation` until the subscription is confirmed, or its ARN if ReturnSubscriptionArn is true; " +
				"subscribing the same endpoint again returns the same subscription, and sends the confirmation again if it is pending",
				Basis: gateway.Confirmed, Source: reference + ", Subscribe"},
			{Text: "a token is valid for two days; then an unconfirmed subscription is deleted", Basis: gateway.Confirmed,
				Source: reference + ", ConfirmSubscription and " + guide + " (48 hours)"},
			{Text: "the protocols are email, email-json, http and https; other protocols, and subscription attributes, are refused with " +
				"501", Basis: gateway.Assumed, Source: simple},
			{Text: "e-mail is delivered only to a mailbox of the local cloud; the mailbox holds up to 300 mails and 8 MB, and drops the " +
				"oldest mails",
				Basis: gateway.Assumed, Source: simple},
		}},
		{Name: "ConfirmSubscription", Serve: s.confirmSubscription, Rules: []gateway.Rule{
			{Text: "the request needs no signature if it is made through the link in a message, `GET " +
				"/?Action=ConfirmSubscription&TopicArn=…&Token=…`; the same applies to Unsubscribe, unless the subscription was confirmed " +
				"with AuthenticateOnUnsubscribe", Basis: gateway.Confirmed, Source: guide + ", HTTP(S) endpoints; " +
				reference},
		}},
		{Name: "Unsubscribe", Serve: s.unsubscribe, Resources: onSubscription},
		{Name: "ListSubscriptions", Serve: s.listSubscriptions, Rules: []gateway.Rule{
			{Text: "a pending subscription has the ARN `PendingConfirmation`; a page has 100 " +
				"subscriptions", Basis: gateway.Confirmed, Source: reference +
				", ListSubscriptions"},
		}},
		{Name: "ListSubscriptionsByTopic", Serve: s.listSubscriptionsByTopic},
		{Name: "GetSubscriptionAttributes", Serve: s.getSubscriptionAttributes, Resources: onSubscription},
		{Name: "Publish", Serve: s.publish, Rules: publishRules()},
		{Name: "TagResource", Serve: s.tagResource},
		{Name: "UntagResource", Serve: s.untagResource},
		{Name: "ListTagsForResource", Serve: s.listTagsForResource},
	}
	for _, name := range []string{"AddPermission", "CheckIfPhoneNumberIsOptedOut", "CreatePlatformApplication", "CreatePlatformEndpoint",
		"CreateSMSSandboxPhoneNumber", "DeleteEndpoint", "DeletePlatformApplication", "DeleteSMSSandboxPhoneNumber",
		"GetDataProtectionPolicy", "GetEndpointAttributes", "GetPlatformApplicationAttributes", "GetSMSAttributes",
		"GetSMSSandboxAccountStatus",
		"ListEndpointsByPlatformApplication", "ListOriginationNumbers", "ListPhoneNumbersOptedOut", "ListPlatformApplications",
		"ListSMSSandboxPhoneNumbers", "OptInPhoneNumber", "PublishBatch", "PutDataProtectionPolicy", "RemovePermission",
		"SetEndpointAttributes", "SetPlatformApplicationAttributes", "SetSMSAttributes", "SetSubscriptionAttributes",
		"VerifySMSSandboxPhoneNumber"} {
		all = append(all, gateway.Operation{Name: name})
	}
	return all
}

func publishRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a subject has up to 100 characters of printable ASCII and does not begin with a blank; a message has 1 to 262,144 bytes " +
			"with its attributes; other requests are refused with 400 InvalidParameter", Basis: gateway.Confirmed, Source: reference + ", Publish"},
		{Text: "HTTP endpoints receive the same JSON and headers as from SNS, with a timeout of 15 seconds; requests are retried after failed " +
			"connections, 429 and 5xx " +
			"three times, 20 seconds apart, and not after other responses", Basis: gateway.Confirmed, Source: guide +
			", message delivery retries (by policy AWS retries " +
			"server-side errors for longer)"},
		{Text: "Signature and SigningCertURL are empty: an endpoint that verifies messages refuses them", Basis: gateway.Assumed,
			Source: simple},
		{Text: "HTTP deliveries go to this machine's own addresses only, follow no redirect and use no proxy; at most 256 deliveries " +
			"wait, and further deliveries fail",
			Basis: gateway.Assumed, Source: "limits of the local cloud"},
		{Text: "AWS/SNS NumberOfMessagesPublished, NumberOfNotificationsDelivered and NumberOfNotificationsFailed by TopicName are in " +
			"CloudWatch",
			Basis: gateway.Confirmed, Source: guide + ", CloudWatch metrics (the local cloud keeps the metrics in memory for one day)"},
	}
}
