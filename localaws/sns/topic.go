package sns

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

const maxPolicy = 30 << 10 // bytes

func arnOf(region, name string) string {
	return "arn:aws:sns:" + region + ":" + principal.Account + ":" + name
}

// named is what a permission must be for, where the request names a new topic.
func named(r *gateway.Request) []string { return []string{arnOf(r.Region, r.Form.Get("Name"))} }

// onTopic is what a permission must be for, where the request names a topic.
func onTopic(r *gateway.Request) []string {
	for _, field := range []string{"TopicArn", "TargetArn", "ResourceArn"} {
		if arn := r.Form.Get(field); arn != "" {
			return []string{arn}
		}
	}
	return []string{"*"}
}

func (s *SNS) createTopic(w http.ResponseWriter, r *gateway.Request) error {
	name := r.Form.Get("Name")
	if strings.HasSuffix(name, ".fifo") {
		return gateway.NotImplemented("FIFO topics of sns:CreateTopic")
	}
	if !namePattern.MatchString(name) {
		return invalid("Topic Name")
	}
	tags, err := tagsOf(r.Form)
	if err != nil {
		return err
	}
	t := topic{ARN: arnOf(r.Region, name), Name: name, Tags: tags}
	for attribute, value := range entries(r.Form, "Attributes") {
		if err := t.set(attribute, value); err != nil {
			return err
		}
	}
	if err := s.opts.State.Update(func(tx *state.Tx) error {
		var old topic
		found, err := tx.Get(topics, t.ARN, &old)
		switch {
		case err != nil:
			return err
		case found && (old.DisplayName != t.DisplayName && t.DisplayName != "" || old.Policy != t.Policy && t.Policy != ""):
			return invalid("Attributes Reason: Topic already exists with different attributes")
		case found && len(tags) > 0 && !maps.Equal(old.Tags, tags):
			return invalid("Tags Reason: Topic already exists with different tags")
		case found:
			return nil
		}
		count := 0
		if err := tx.ForEach(topics, func(string, func(any) error) error { count++; return nil }); err != nil {
			return err
		}
		if count >= maxTopics {
			return &gateway.Error{Status: http.StatusForbidden, Code: "TopicLimitExceeded", Message: "Topic limit exceeded"}
		}
		return tx.Put(topics, t.ARN, t)
	}); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ TopicArn string }{t.ARN})
}

// set changes an attribute.
func (t *topic) set(attribute, value string) error {
	switch attribute {
	case "DisplayName":
		if len(value) > 100 {
			return invalid("DisplayName")
		}
		t.DisplayName = value
	case "Policy":
		if len(value) > maxPolicy {
			return invalid("Policy Reason: Policy length exceeds the maximum")
		}
		if _, err := policy.ParseResource(value); err != nil {
			return invalid("Policy Error: %s", err)
		}
		t.Policy = value
	case "SignatureVersion":
		if value != "1" && value != "2" {
			return invalid("SignatureVersion")
		}
		t.Signature = value
	case "DeliveryPolicy", "KmsMasterKeyId", "TracingConfig", "FifoTopic", "ContentBasedDeduplication", "ArchivePolicy",
		"FifoThroughputScope":
		return gateway.NotImplemented("the attribute " + attribute + " of a topic of SNS")
	default:
		return invalid("AttributeName")
	}
	return nil
}

func (s *SNS) deleteTopic(w http.ResponseWriter, r *gateway.Request) error {
	arn := r.Form.Get("TopicArn")
	if err := s.opts.State.Update(func(tx *state.Tx) error {
		var gone []string
		err := ofTopic(tx, arn+":", r.Now, func(x *subscription) { gone = append(gone, x.ARN) })
		for _, x := range gone {
			if err == nil {
				err = tx.Delete(subscriptions, x)
			}
		}
		if err != nil {
			return err
		}
		return tx.Delete(topics, arn)
	}); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{}{})
}

func (s *SNS) getTopicAttributes(w http.ResponseWriter, r *gateway.Request) error {
	var out attributes
	err := s.opts.State.View(func(tx *state.Tx) error {
		t, err := s.loadTopic(tx, r.Form.Get("TopicArn"))
		if err != nil {
			return err
		}
		confirmed, pending := 0, 0
		if err := ofTopic(tx, t.ARN+":", r.Now, func(x *subscription) {
			if x.pending() {
				pending++
			} else {
				confirmed++
			}
		}); err != nil {
			return err
		}
		out = attributes{
			"TopicArn": t.ARN, "Owner": principal.Account, "DisplayName": t.DisplayName, "Policy": t.policy(),
			"SubscriptionsConfirmed": strconv.Itoa(confirmed), "SubscriptionsPending": strconv.Itoa(pending),
			"SubscriptionsDeleted": strconv.Itoa(t.Deleted),
			"EffectiveDeliveryPolicy": `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,` +
				`"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},` +
				`"disableSubscriptionOverrides":false}}`,
		}
		if t.Signature != "" {
			out["SignatureVersion"] = t.Signature
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Attributes attributes }{out})
}

// policy is the topic's, or the one that AWS gives to topics without.
func (t *topic) policy() string {
	if t.Policy != "" {
		return t.Policy
	}
	return fmt.Sprintf(`{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow",`+
		`"Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission",`+
		`"SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"%s",`+
		`"Condition":{"StringEquals":{"AWS:SourceOwner":"%s"}}}]}`, t.ARN, principal.Account)
}

func (s *SNS) setTopicAttributes(w http.ResponseWriter, r *gateway.Request) error {
	if err := s.changeTopic(r.Form.Get("TopicArn"), func(t *topic) error {
		return t.set(r.Form.Get("AttributeName"), r.Form.Get("AttributeValue"))
	}); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{}{})
}

func (s *SNS) changeTopic(arn string, f func(*topic) error) error {
	return s.opts.State.Update(func(tx *state.Tx) error {
		t, err := s.loadTopic(tx, arn)
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
		return tx.Put(topics, arn, t)
	})
}

func (s *SNS) listTopics(w http.ResponseWriter, r *gateway.Request) error {
	type entry struct{ TopicArn string }
	var all []entry
	err := s.opts.State.View(func(tx *state.Tx) error {
		return tx.ForEach(topics, func(arn string, _ func(any) error) error {
			if strings.HasPrefix(arn, arnOf(r.Region, "")) {
				all = append(all, entry{arn})
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	found, next := page(all, func(e entry) string { return e.TopicArn }, r.Form.Get("NextToken"))
	return gateway.WriteQuery(w, r, struct {
		Topics    members[entry]
		NextToken string `xml:",omitempty"`
	}{members[entry]{found}, next})
}

func (s *SNS) tagResource(w http.ResponseWriter, r *gateway.Request) error {
	tags, err := tagsOf(r.Form)
	if err != nil {
		return err
	}
	if err := s.changeTopic(r.Form.Get("ResourceArn"), func(t *topic) error {
		if t.Tags == nil {
			t.Tags = map[string]string{}
		}
		maps.Copy(t.Tags, tags)
		return nil
	}); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{}{})
}

func (s *SNS) untagResource(w http.ResponseWriter, r *gateway.Request) error {
	if err := s.changeTopic(r.Form.Get("ResourceArn"), func(t *topic) error {
		for n := 1; r.Form.Has("TagKeys.member." + strconv.Itoa(n)); n++ {
			delete(t.Tags, r.Form.Get("TagKeys.member."+strconv.Itoa(n)))
		}
		return nil
	}); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{}{})
}

func (s *SNS) listTagsForResource(w http.ResponseWriter, r *gateway.Request) error {
	type tag struct{ Key, Value string }
	var out members[tag]
	err := s.opts.State.View(func(tx *state.Tx) error {
		t, err := s.loadTopic(tx, r.Form.Get("ResourceArn"))
		if err != nil {
			return err
		}
		for _, k := range slices.Sorted(maps.Keys(t.Tags)) {
			out.Member = append(out.Member, tag{k, t.Tags[k]})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Tags members[tag] }{out})
}
