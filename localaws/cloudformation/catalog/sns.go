package catalog

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

func snsTopic() Type {
	return Type{
		Name: "AWS::SNS::Topic",
		Properties: Properties{
			"TopicName": {Kind: Text, Replaces: true}, "DisplayName": {Kind: Text}, "SignatureVersion": {Kind: Text}, "Tags": {Kind: Tags},
			"Subscription": {Kind: Structures, Members: Properties{"Endpoint": {Kind: Text, Required: true}, "Protocol": {Kind: Text,
				Required: true}}},
		},
		Elsewhere: []string{"ArchivePolicy", "ContentBasedDeduplication", "DataProtectionPolicy", "DeliveryStatusLogging",
			"FifoThroughputScope",
			"FifoTopic", "KmsMasterKeyId", "TracingConfig"},
		Attributes: []string{"TopicArn", "TopicName"},
		Create:     createTopic, Update: updateTopic,
		Delete: func(w *Work) error {
			_, err := w.Form("sns", "DeleteTopic", url.Values{"TopicArn": {w.ID}})
			return err
		},
	}
}

const maxTopicName = 256

func createTopic(w *Work) error {
	form := values("Name", w.Named("TopicName", maxTopicName))
	for i, name := range []string{"DisplayName", "SignatureVersion"} {
		if w.Has(name) {
			at := "Attributes.entry." + strconv.Itoa(i+1)
			form.Set(at+".key", name)
			form.Set(at+".value", w.Text(name))
		}
	}
	setTags(form, tagMap(w.Properties["Tags"]))
	body, err := w.Form("sns", "CreateTopic", form)
	if err != nil {
		return err
	}
	arn := resource.Element(body, "TopicArn")
	w.Attributes["TopicArn"], w.Attributes["TopicName"] = arn, form.Get("Name")
	if err := w.Made(arn); err != nil {
		return err
	}
	return topicSubscriptions(w)
}

func setTags(form url.Values, tags map[string]string) {
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		at := "Tags.member." + strconv.Itoa(i+1)
		form.Set(at+".Key", key)
		form.Set(at+".Value", tags[key])
	}
}

// topicSubscriptions subscribes what the property lists. Those that an update no longer
// lists stay, as on AWS.
func topicSubscriptions(w *Work) error {
	list, _ := w.Properties["Subscription"].([]any)
	for _, x := range list {
		one := x.(map[string]any)
		form := values("TopicArn", w.ID, "Protocol", one["Protocol"].(string), "Endpoint", one["Endpoint"].(string))
		if _, err := w.Form("sns", "Subscribe", form); err != nil {
			return err
		}
	}
	return nil
}

func updateTopic(w *Work) error {
	for _, name := range []string{"DisplayName", "SignatureVersion"} {
		if !w.Changed(name) || name == "SignatureVersion" && !w.Has(name) {
			continue
		}
		if _, err := w.Form("sns", "SetTopicAttributes", url.Values{"TopicArn": {w.ID}, "AttributeName": {name},
			"AttributeValue": {w.Text(name)}}); err != nil {
			return err
		}
	}
	if w.Changed("Subscription") {
		if err := topicSubscriptions(w); err != nil {
			return err
		}
	}
	set, removed := tagChanges(w)
	if len(set) > 0 {
		form := url.Values{"ResourceArn": {w.ID}}
		setTags(form, set)
		if _, err := w.Form("sns", "TagResource", form); err != nil {
			return err
		}
	}
	if len(removed) == 0 {
		return nil
	}
	form := url.Values{"ResourceArn": {w.ID}}
	for i, key := range removed {
		form.Set("TagKeys.member."+strconv.Itoa(i+1), key)
	}
	_, err := w.Form("sns", "UntagResource", form)
	return err
}

func snsTopicPolicy() Type {
	return Type{
		Name:       "AWS::SNS::TopicPolicy",
		Properties: Properties{"PolicyDocument": {Kind: Document, Required: true}, "Topics": {Kind: Texts, Required: true}},
		Attributes: []string{"Id"},
		Create: func(w *Work) error {
			if err := w.Made(w.NewName(maxTopicName)); err != nil {
				return err
			}
			w.Attributes["Id"] = w.ID
			return setTopicPolicies(w, texts(w.Properties["Topics"]))
		},
		Update: func(w *Work) error {
			_, removed := diff(texts(w.Old["Topics"]), texts(w.Properties["Topics"]))
			if err := defaultPolicies(w, removed); err != nil {
				return err
			}
			return setTopicPolicies(w, texts(w.Properties["Topics"]))
		},
		Delete: func(w *Work) error { return defaultPolicies(w, texts(w.Properties["Topics"])) },
	}
}

func setTopicPolicies(w *Work, topics []string) error {
	for _, arn := range topics {
		if _, err := w.Form("sns", "SetTopicAttributes", url.Values{"TopicArn": {arn}, "AttributeName": {"Policy"},
			"AttributeValue": {document(w.Properties["PolicyDocument"])}}); err != nil {
			return err
		}
	}
	return nil
}

// defaultPolicies gives topics back a policy that allows nobody but the account: SNS has no
// call that removes one.
func defaultPolicies(w *Work, topics []string) error {
	for _, arn := range topics {
		policy := `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + w.Stack.Account +
			`"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic",` +
			`"SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"` + arn + `"}]}`
		_, err := w.Form("sns", "SetTopicAttributes", url.Values{"TopicArn": {arn}, "AttributeName": {"Policy"}, "AttributeValue": {policy}})
		if resource.IgnoreGone(err) != nil {
			return err
		}
	}
	return nil
}

func snsSubscription() Type {
	return Type{
		Name: "AWS::SNS::Subscription",
		Properties: Properties{
			"TopicArn": {Kind: Text, Required: true, Replaces: true}, "Protocol": {Kind: Text, Required: true, Replaces: true},
			"Endpoint": {Kind: Text, Replaces: true},
		},
		Elsewhere: []string{"DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "Region",
			"ReplayPolicy",
			"SubscriptionRoleArn"},
		Attributes: []string{"Arn"},
		Create: func(w *Work) error {
			body, err := w.Form("sns", "Subscribe", values("TopicArn", w.Text("TopicArn"), "Protocol", w.Text("Protocol"),
				"Endpoint", w.Text("Endpoint"), "ReturnSubscriptionArn", "true"))
			if err != nil {
				return err
			}
			arn := resource.Element(body, "SubscriptionArn")
			w.Attributes["Arn"] = arn
			return w.Made(arn)
		},
		Delete: func(w *Work) error {
			_, err := w.Form("sns", "Unsubscribe", url.Values{"SubscriptionArn": {w.ID}})
			return err
		},
	}
}
