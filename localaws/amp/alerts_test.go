package amp_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	snssdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sns"
)

// alerting is AMP and SNS behind the gateway, with a workspace whose alerts go to Alice.
type alerting struct {
	*cloud
	amp       *amp.AMP
	sns       *sns.SNS
	workspace string
}

const alertDefinition = `alertmanager_config: |
  route: {receiver: team, group_by: [alertname], group_wait: 10ms, group_interval: 100ms}
  inhibit_rules: [{source_matchers: [alertname="Root"], target_matchers: [alertname="Leaf"]}]
  receivers:
    - name: team
      sns_configs:
        - topic_arn: arn:aws:sns:us-east-2:111122223333:alerts
          sigv4: {region: us-east-2}
          subject: '{{ .Status }} {{ .GroupLabels.alertname }}'
          message: '{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}'
          attributes: {severity: page}
`

func startAlerting(t *testing.T, rules string) *alerting {
	t.Helper()
	a := &alerting{cloud: &cloud{Base: servicetest.Open(t, t.TempDir())}}
	a.Key = check.Must[principal.AccessKey](t)(a.Keys.ServiceKey("tests.amazonaws.com"))
	a.sns = sns.New(sns.Options{State: a.State, BaseURL: a.URL, Now: a.Clock.Now, NewID: uuid.NewString, Logger: a.Logger})
	service, err := amp.New(amp.Options{State: a.State, Dir: filepath.Join(t.TempDir(), "amp"), BaseURL: a.URL, Now: a.Clock.Now,
		NewID: uuid.NewString, Logger: a.Logger, Call: a.Call, ManualRules: true})
	check.OK(t, err)
	a.amp = service
	a.Serve(gateway.Options{Services: append(service.Services(), a.sns.Service())}, service.Close, a.sns.Close)
	service.Start(t.Context())

	topics := snssdk.NewFromConfig(a.Config("us-east-2"))
	_, err = topics.CreateTopic(t.Context(), &snssdk.CreateTopicInput{Name: aws.String("alerts"), Attributes: map[string]string{
		"Policy": `{"Statement":[{"Effect":"Allow","Principal":{"Service":"aps.amazonaws.com"},"Action":"sns:Publish","Resource":"*",
			"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:aps:us-east-2:111122223333:workspace/ws-*"}}}]}`}})
	check.OK(t, err)
	topic := "arn:aws:sns:us-east-2:111122223333:alerts"
	_, err = topics.Subscribe(t.Context(), &snssdk.SubscribeInput{TopicArn: &topic, Protocol: aws.String("email"),
		Endpoint: aws.String("alice@example.com")})
	check.OK(t, err)
	mails := check.Must[[]sns.Mail](t)(a.sns.Mails())
	_, err = a.sns.Confirm(topic, mails[0].Token, false)
	check.OK(t, err)

	client := a.client("us-east-2")
	a.workspace = create(t, client, "w")
	check.OK(t, createRules(t, client, a.workspace, "rules", rules))
	_, err = client.CreateAlertManagerDefinition(t.Context(),
		&sdk.CreateAlertManagerDefinitionInput{WorkspaceId: &a.workspace, Data: []byte(alertDefinition)})
	check.OK(t, err)
	return a
}

// mail waits for a mail with this subject.
func (a *alerting) mail(t *testing.T, subject string) sns.Mail {
	t.Helper()
	deadline, tick := time.After(2*time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		for _, m := range check.Must[[]sns.Mail](t)(a.sns.Mails()) {
			if m.Subject == subject {
				return m
			}
		}
		select {
		case <-deadline:
			t.Fatalf("no mail %q in %+v", subject, check.Must[[]sns.Mail](t)(a.sns.Mails()))
		case <-tick.C:
		}
	}
}

func (a *alerting) get(t *testing.T, path string) string {
	t.Helper()
	status, body := a.do(t, "us-east-2", "GET", "/workspaces/"+a.workspace+path, "", "")
	if status != 200 {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

// TestAnAlertArrives: a rule looks behind the clock by the offset, waits its time, fires,
// and ends when the series does.
func TestAnAlertArrives(t *testing.T) {
	a := startAlerting(t, `groups: [{name: g, rules: [{record: twice, expr: delivered * 2},
		{alert: Full, expr: delivered > 5, for: 30s, labels: {severity: page}, annotations: {summary: 'at {{ $value }}'}}]}]`)
	check.OK(t, a.send(t.Context(), t, "us-east-2", a.workspace, a.Key.Secret))
	wantState := func(state string) {
		t.Helper()
		check.OK(t, a.amp.EvaluateRules(t.Context()))
		body := a.get(t, "/api/v1/rules")
		if !strings.Contains(body, `"state":"`+state+`"`) || !strings.Contains(body, `"file":"rules"`) || !strings.Contains(body,
			`"errorType":""`) {
			t.Errorf("want %s: %s", state, body)
		}
	}
	wantState("inactive") // the sample is younger than the offset
	a.Clock.Pass(61 * time.Second)
	wantState("pending")
	a.Clock.Pass(31 * time.Second)
	wantState("firing")
	if m := a.mail(t, "firing Full"); !strings.HasPrefix(m.Text, "at 7\n") || m.To != "alice@example.com" {
		t.Errorf("mail: %+v", m)
	}
	if body := a.get(t, "/api/v1/alerts"); !strings.Contains(body, `"alertname":"Full"`) || !strings.Contains(body, `"errorType":""`) {
		t.Errorf("alerts: %s", body)
	}
	for expr, says := range map[string]string{`ALERTS{alertstate="firing"} offset 60s`: `"alertname":"Full"`, "twice offset 60s": `"14"`} {
		_, body := a.do(t, "us-east-2", "POST", "/workspaces/"+a.workspace+"/api/v1/query", "application/x-www-form-urlencoded",
			"query="+strings.ReplaceAll(expr, " ", "%20")+"&time="+fmt.Sprint(a.Clock.Now().Unix()+1))
		if !strings.Contains(body, says) {
			t.Errorf("%s: %s", expr, body)
		}
	}
	a.Clock.Pass(6 * time.Minute)
	check.OK(t, a.amp.EvaluateRules(t.Context()))
	a.mail(t, "resolved Full")
}

// TestAlertManagerAPI posts alerts of a client's own, and silences them.
func TestAlertManagerAPI(t *testing.T) {
	a := startAlerting(t, "groups: [{name: g, rules: [{record: one, expr: vector(1)}]}]")
	const v2 = "/alertmanager/api/v2/"
	post := func(path, body string) (int, string) {
		t.Helper()
		return a.do(t, "us-east-2", "POST", "/workspaces/"+a.workspace+v2+path, "application/json", body)
	}
	now := time.Now().UTC()
	silence := func(from, to time.Duration) (int, string) {
		t.Helper()
		return post("silences", fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"Quiet","isRegex":false}],"startsAt":"%s","endsAt":"%s",
			"createdBy":"alice","comment":"c"}`, now.Add(from).Format(time.RFC3339), now.Add(to).Format(time.RFC3339)))
	}
	if status, body := silence(-2*time.Hour, -time.Hour); status != 400 || !strings.Contains(body, "in the past") {
		t.Errorf("a silence of the past: %d %s", status, body)
	}
	status, body := silence(-time.Minute, time.Hour)
	var made struct{ SilenceID string }
	if err := json.Unmarshal([]byte(body), &made); status != 200 || err != nil || made.SilenceID == "" {
		t.Fatalf("silence: %d %s", status, body)
	}
	if status, body := post("alerts", `[{"labels":{"alertname":"Quiet"}},{"labels":{"alertname":"Loud"},"annotations":{"summary":"s"}},
		{"labels":{"alertname":"Root"}},{"labels":{"alertname":"Leaf"}}]`); status != 200 {
		t.Fatalf("post alerts: %d %s", status, body)
	}
	a.mail(t, "firing Loud")
	a.mail(t, "firing Root")
	var alerts []struct {
		Labels map[string]string
		Status struct {
			State                   string
			SilencedBy, InhibitedBy []string
		}
	}
	check.OK(t, json.Unmarshal([]byte(a.get(t, v2+"alerts")), &alerts))
	states := map[string]string{}
	for _, x := range alerts {
		states[x.Labels["alertname"]] = fmt.Sprint(x.Status.State, len(x.Status.SilencedBy), len(x.Status.InhibitedBy))
	}
	if got := fmt.Sprint(states); got != "map[Leaf:suppressed0 1 Loud:active0 0 Quiet:suppressed1 0 Root:active0 0]" {
		t.Errorf("alerts: %s", got)
	}
	for _, m := range check.Must[[]sns.Mail](t)(a.sns.Mails()) {
		if m.Subject == "firing Quiet" || m.Subject == "firing Leaf" {
			t.Errorf("%s was sent", m.Subject)
		}
	}
	for path, says := range map[string]string{
		"silences": made.SilenceID, "silence/" + made.SilenceID: `"state":"active"`, "receivers": `"name":"team"`,
		"alerts/groups": `"receiver":{"name":"team"}`, "status": `"config":{"original":"route:`,
	} {
		if body := a.get(t, v2+path); !strings.Contains(body, says) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if status, body := a.do(t, "us-east-2", "DELETE", "/workspaces/"+a.workspace+v2+"silence/"+made.SilenceID, "", ""); status != 200 {
		t.Errorf("delete: %d %s", status, body)
	}
	if body := a.get(t, v2+"silences"); !strings.Contains(body, `"state":"expired"`) {
		t.Errorf("silences: %s", body)
	}
	a.mail(t, "firing Quiet")
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprintf(`{"labels":{"alertname":"Many","n":"%d"}}`, i))
	}
	if status, body := post("alerts", "["+strings.Join(many, ",")+"]"); status != 200 {
		t.Errorf("1,001 alerts: %d %.200s", status, body)
	}
	if n := strings.Count(a.get(t, v2+"alerts"), `"fingerprint"`); n != 1000 {
		t.Errorf("%d alerts are held", n)
	}
}

// TestNoAlertManager: without a definition there is none.
func TestNoAlertManager(t *testing.T) {
	c := start(t, t.TempDir(), 0)
	id := create(t, c.client("us-east-2"), "w")
	if status, body := c.do(t, "us-east-2", "GET", "/workspaces/"+id+"/alertmanager/api/v2/alerts", "", ""); status != 404 ||
		!strings.Contains(body, "not configured") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := c.do(t, "us-east-2", "GET", "/workspaces/"+id+"/api/v1/rules", "", ""); status != 200 ||
		!strings.Contains(body, `"groups":[]`) {
		t.Errorf("%d %s", status, body)
	}
}
