package sns

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	maxMessage = 262_144 // bytes, of message and attributes together
	maxSubject = 100     // characters
)

// message is one as it goes to subscriptions.
type message struct {
	ID         string
	Topic      *topic
	Subject    string
	Text       string            // what those get that Texts has nothing for
	Texts      map[string]string // by protocol
	Attributes map[string]attribute
	At         time.Time
}

// attribute is a message attribute as HTTP endpoints and json e-mail get it.
type attribute struct{ Type, Value string }

func (m *message) textFor(protocol string) string {
	if text, ok := m.Texts[protocol]; ok {
		return text
	}
	return m.Text
}

func (s *SNS) publish(w http.ResponseWriter, r *gateway.Request) error {
	arn := r.Form.Get("TopicArn")
	if arn == "" {
		arn = r.Form.Get("TargetArn")
	}
	m, err := s.readMessage(r)
	if err != nil {
		return err
	}
	var to []*subscription
	if err := s.opts.State.View(func(tx *state.Tx) (err error) {
		if m.Topic, err = s.loadTopic(tx, arn); err != nil {
			return err
		}
		return ofTopic(tx, arn+":", r.Now, func(x *subscription) {
			if !x.pending() {
				to = append(to, x)
			}
		})
	}); err != nil {
		return err
	}
	if err := m.Topic.allows(r); err != nil {
		return err
	}
	s.counts.add(arn, "NumberOfMessagesPublished", r.Now)
	for _, x := range to {
		s.deliver(r.Context(), x, m)
	}
	return gateway.WriteQuery(w, r, struct{ MessageId string }{m.ID})
}

// readMessage reads and checks what Publish was given.
func (s *SNS) readMessage(r *gateway.Request) (*message, error) {
	m := &message{ID: s.opts.NewID(), Subject: r.Form.Get("Subject"), Text: r.Form.Get("Message"), At: r.Now}
	size := len(m.Text)
	var err error
	if m.Attributes, err = messageAttributes(r.Form); err != nil {
		return nil, err
	}
	for name, a := range m.Attributes {
		size += len(name) + len(a.Type) + len(a.Value)
	}
	switch {
	case r.Form.Has("PhoneNumber"):
		return nil, gateway.NotImplemented("PhoneNumber of sns:Publish")
	case m.Text == "":
		return nil, invalid("Empty message")
	case size > maxMessage:
		return nil, invalid("Message too long")
	case !utf8.ValidString(m.Text):
		return nil, invalid("Message Reason: must be UTF-8")
	case !goodSubject(m.Subject, r.Form.Has("Subject")):
		return nil, invalid("Subject")
	}
	switch r.Form.Get("MessageStructure") {
	case "":
	case "json":
		if json.Unmarshal([]byte(m.Text), &m.Texts) != nil {
			return nil, invalid("Message Structure - JSON message body failed to parse")
		}
		text, ok := m.Texts["default"]
		if !ok {
			return nil, invalid("Message Structure - No default entry in JSON message body")
		}
		m.Text = text
	default:
		return nil, invalid("MessageStructure")
	}
	return m, nil
}

// goodSubject: up to 100 characters of printable ASCII, the first of which is no blank.
func goodSubject(subject string, given bool) bool {
	printable := !strings.ContainsFunc(subject, func(c rune) bool { return c < ' ' || c > '~' })
	return !given || printable && subject != "" && subject[0] != ' ' && len(subject) <= maxSubject
}

func messageAttributes(form url.Values) (map[string]attribute, error) {
	all := map[string]attribute{}
	for n := 1; form.Has("MessageAttributes.entry." + strconv.Itoa(n) + ".Name"); n++ {
		at := "MessageAttributes.entry." + strconv.Itoa(n)
		a := attribute{form.Get(at + ".Value.DataType"), form.Get(at + ".Value.StringValue")}
		kind, _, _ := strings.Cut(a.Type, ".")
		switch {
		case kind == "Binary":
			return nil, gateway.NotImplemented("binary MessageAttributes of sns:Publish")
		case kind != "String" && kind != "Number":
			return nil, invalid("The message attribute '%s' has an invalid message attribute type", form.Get(at+".Name"))
		case a.Value == "":
			return nil, invalid("The message attribute '%s' must contain non-empty message attribute value", form.Get(at+".Name"))
		}
		all[form.Get(at+".Name")] = a
	}
	return all, nil
}

// allows holds a publisher against the topic's policy: a principal of the account needs no
// more of it than that it does not deny, one of AWS's services that it allows.
func (t *topic) allows(r *gateway.Request) error {
	document, err := policy.ParseResource(t.policy())
	if err != nil {
		return err
	}
	caller := policy.Caller{ARNs: []string{r.Principal.ARN}, Account: r.Principal.Account}
	keys := map[string][]string{"aws:PrincipalArn": {r.Principal.ARN}, "aws:PrincipalAccount": {r.Principal.Account}, "aws:SourceOwner": nil}
	service := !strings.HasPrefix(r.Principal.ARN, "arn:")
	if service {
		caller = policy.Caller{Service: r.Principal.ARN, Account: r.Principal.Account}
		keys = map[string][]string{"aws:PrincipalIsAWSService": {"true"}, "aws:SourceOwner": {principal.Account}}
	}
	for k, v := range r.CallKeys {
		keys[k] = v
	}
	verdict := policy.Evaluate([]*policy.Document{document}, policy.Request{Action: "sns:Publish", Resource: t.ARN, Keys: keys,
		Caller: caller})
	why := " because no resource-based policy allows the sns:Publish action"
	switch {
	case verdict.Effect == policy.Deny:
		why = " with an explicit deny in a resource-based policy"
	case verdict.Effect == policy.Allow, !service:
		return nil
	}
	return &gateway.Error{Status: http.StatusForbidden, Code: "AuthorizationError",
		Message: "User: " + r.Principal.ARN + " is not authorized to perform: sns:Publish on resource: " + t.ARN + why}
}

// xmlOf is v as an element. What cannot be one is a fault of the program's.
func xmlOf(name string, v any) string {
	var b strings.Builder
	if err := xml.NewEncoder(&b).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
		return ""
	}
	return b.String()
}
