package alerts_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	snssdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/amp"
	localamp "github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sns"
	"github.com/parascope/parascope/localaws/state"
)

// site is a workspace of the local cloud with parascope's rules and alert manager
// definition, and a mailbox. Its clock is that of the bubble it was made in.
type site struct {
	t     *testing.T
	cfg   aws.Config
	place alerts.Place
	sns   *sns.SNS
	read  int // mails
}

const siteTopic = "arn:aws:sns:us-east-2:111122223333:pcluster-infra-alerts"

// newSite needs a bubble. Its clients reach the cloud without a network. The topic's policy
// is the template's, for the workspace that sends, which may be another one than the site's.
func newSite(t *testing.T, sends func(workspaceARN string) string) *site {
	t.Helper()
	dir, log := t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := state.Open(dir)
	check.OK(t, err)
	keys, err := principal.NewStore(db, time.Now())
	check.OK(t, err)
	key, err := keys.ServiceKey("tests.amazonaws.com")
	check.OK(t, err)
	var gw *gateway.Gateway
	url := func() string { return "http://cloud" }
	s := &site{t: t, sns: sns.New(sns.Options{State: db, BaseURL: url, Now: time.Now, NewID: uuid.NewString, Logger: log})}
	service, err := localamp.New(localamp.Options{State: db, Dir: filepath.Join(dir, "amp"), BaseURL: url, Now: time.Now,
		NewID: uuid.NewString, Logger: log, Call: func(ctx context.Context, as principal.Principal, c gateway.Call) (gateway.Answer, error) {
			return gw.Call(ctx, as, c)
		}})
	check.OK(t, err)
	gw, err = gateway.New(gateway.Options{Services: append(service.Services(), s.sns.Service()), Lookup: keys.Lookup,
		Authorize: gateway.AllowAll, Now: time.Now, NewID: uuid.NewString, Logger: log})
	check.OK(t, err)
	t.Cleanup(func() {
		check.OK(t, service.Close())
		check.OK(t, s.sns.Close())
		check.OK(t, db.Close())
	})
	service.Start(t.Context())
	s.cfg = aws.Config{Region: "us-east-2", BaseEndpoint: aws.String(url()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		HTTPClient: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer := httptest.NewRecorder()
			got := r.Clone(r.Context()) // as a server gets it
			got.Host, got.RequestURI = r.URL.Host, r.URL.RequestURI()
			if r.Body == nil {
				got.Body = http.NoBody
			}
			gw.ServeHTTP(answer, got)
			return answer.Result(), nil
		})}
	s.deploy(sends)
	return s
}

// deploy makes what the template has: topic, workspace, definition; and writes the rules.
func (s *site) deploy(sends func(workspaceARN string) string) {
	s.t.Helper()
	ctx := s.t.Context()
	topics := snssdk.NewFromConfig(s.cfg)
	_, err := topics.CreateTopic(ctx, &snssdk.CreateTopicInput{Name: aws.String("pcluster-infra-alerts")})
	check.OK(s.t, err)
	_, err = topics.Subscribe(ctx, &snssdk.SubscribeInput{TopicArn: aws.String(siteTopic), Protocol: aws.String("email"),
		Endpoint: aws.String("alice@example.com")})
	check.OK(s.t, err)
	synctest.Wait()
	confirm := s.mails()
	if len(confirm) != 1 {
		s.t.Fatalf("mails before the confirmation: %+v", confirm)
	}
	_, err = s.sns.Confirm(siteTopic, confirm[0].Token, false)
	check.OK(s.t, err)
	client := sdk.NewFromConfig(s.cfg)
	made, err := client.CreateWorkspace(ctx, &sdk.CreateWorkspaceInput{})
	check.OK(s.t, err)
	_, err = topics.SetTopicAttributes(ctx, &snssdk.SetTopicAttributesInput{TopicArn: aws.String(siteTopic),
		AttributeName: aws.String("Policy"), AttributeValue: aws.String(topicPolicy(s.t, sends(*made.Arn)))})
	check.OK(s.t, err)
	_, err = client.CreateAlertManagerDefinition(ctx,
		&sdk.CreateAlertManagerDefinitionInput{WorkspaceId: made.WorkspaceId, Data: []byte(definitionText(s.t, "", ""))})
	check.OK(s.t, err)
	_, err = alerts.WriteRules(ctx, s.cfg, *made.WorkspaceId)
	check.OK(s.t, err)
	described, err := client.DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: made.WorkspaceId})
	check.OK(s.t, err)
	s.place = alerts.Place{WorkspaceID: *made.WorkspaceId, Endpoint: *described.Workspace.PrometheusEndpoint, TopicARN: siteTopic}
}

// mails are those that came since the last call, oldest first.
func (s *site) mails() []sns.Mail {
	s.t.Helper()
	all, err := s.sns.Mails()
	check.OK(s.t, err)
	fresh := all[s.read:]
	s.read = len(all)
	return fresh
}

// pass sends the series each 30 s for so long.
func (s *site) pass(d time.Duration, series map[string]float64) {
	s.t.Helper()
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		for text, value := range series {
			labels := map[string]string{"cluster": "hpc"}
			for _, pair := range strings.Split(text, ",") {
				name, value, _ := strings.Cut(pair, "=")
				labels[name] = value
			}
			check.OK(s.t, amp.WriteSample(s.t.Context(), s.cfg, s.place.Endpoint, labels, value, time.Now()))
		}
	}
}

// want passes time until the only mail comes that has the subject, and holds it against the time
// that it may take. It returns the mail.
func (s *site) want(subject string, within time.Duration, series map[string]float64) sns.Mail {
	s.t.Helper()
	began := time.Now()
	for time.Since(began) < within+time.Hour {
		s.pass(30*time.Second, series)
		synctest.Wait()
		all := s.mails()
		if len(all) == 0 {
			continue
		}
		took := all[0].At.Sub(began)
		s.t.Logf("%q after %s", all[0].Subject, took)
		if len(all) > 1 || all[0].Subject != subject || took > within {
			s.t.Errorf("want %q alone within %s, got %d mails: %+v", subject, within, len(all), all)
		}
		return all[0]
	}
	s.t.Fatalf("no mail %q", subject)
	return sns.Mail{}
}

const xidSeries = "__name__=parascope_gpu_xid_errors_total,job=dcgm,node=gpu-1,gpu=0,device=nvidia0,class=page"

func healthySeries() map[string]float64 {
	return map[string]float64{"__name__=up,job=head,node=head": 1, "__name__=up,job=node,node=gpu-1": 1, "__name__=up,job=dcgm,node=gpu-1": 1,
		xidSeries: 0}
}

// TestOtherWorkspacesDoNotSend: the topic takes alerts of the stack's workspace alone.
func TestOtherWorkspacesDoNotSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(string) string { return "arn:aws:aps:us-east-2:111122223333:workspace/ws-other" })
		series := healthySeries()
		s.pass(20*time.Minute, series)
		series[xidSeries] = 1
		s.pass(5*time.Minute, series)
		if firing, err := alerts.List(t.Context(), s.cfg, s.place); err != nil || len(firing) != 1 {
			t.Errorf("firing: %+v, %v", firing, err)
		}
		if m := s.mails(); len(m) != 0 {
			t.Errorf("mails: %+v", m)
		}
	})
}

// TestAlertsArriveAndEnd holds the times of AMP's query offset and of the definition's
// groups: an XID is in the mailbox within four minutes, with its page; a message says that it is resolved; a
// head that is silent is one, until it returns.
func TestAlertsArriveAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(workspace string) string { return workspace })
		series := healthySeries()
		s.pass(20*time.Minute, series)
		if m := s.mails(); len(m) != 0 {
			t.Errorf("mails of a healthy cluster: %+v", m)
		}
		series[xidSeries] = 1
		m := s.want("[FIRING] GPUXidPage, cluster hpc: 1 firing", 4*time.Minute, series)
		for _, part := range []string{"GPU 0 (nvidia0) of gpu-1 (hpc) reported an XID", "severity: page",
			"What to do: https://github.com/parascope/parascope/blob/main/docs/alerts/GPUXidPage.md"} {
			if !strings.Contains(m.Text, part) {
				t.Errorf("the mail does not have %q: %s", part, m.Text)
			}
		}
		firing, err := alerts.List(t.Context(), s.cfg, s.place)
		if err != nil || len(firing) != 1 || firing[0].Name != "GPUXidPage" || firing[0].Held != "" {
			t.Errorf("firing: %+v, %v", firing, err)
		}
		s.want("[RESOLVED] GPUXidPage, cluster hpc: 0 firing", 25*time.Minute, series)

		s.want("[FIRING] HeadSilent, cluster hpc: 1 firing", 18*time.Minute, nil) // the head is killed
		s.pass(3*time.Hour, nil)
		if m := s.mails(); len(m) != 0 {
			t.Errorf("mails while the head is silent: %+v", m)
		}
		s.want("[RESOLVED] HeadSilent, cluster hpc: 0 firing", 10*time.Minute, series)
	})
}

// topicPolicy is the template's policy of the topic, with its references resolved.
func topicPolicy(t *testing.T, workspaceARN string) string {
	t.Helper()
	var file struct {
		Resources struct {
			AlertTopicPolicy struct {
				Properties struct {
					PolicyDocument yaml.Node `yaml:"PolicyDocument"`
				} `yaml:"Properties"`
			} `yaml:"AlertTopicPolicy"`
		} `yaml:"Resources"`
	}
	check.OK(t, yaml.Unmarshal([]byte(parascope.Template), &file))
	values := map[string]string{"AlertTopic": siteTopic, "AWS::AccountId": "111122223333", "PrometheusWorkspace.Arn": workspaceARN}
	var resolve func(n *yaml.Node)
	resolve = func(n *yaml.Node) {
		if value, ok := values[n.Value]; ok && strings.HasPrefix(n.Tag, "!") {
			n.Tag, n.Value = "!!str", value
		}
		for _, c := range n.Content {
			resolve(c)
		}
	}
	node := &file.Resources.AlertTopicPolicy.Properties.PolicyDocument
	resolve(node)
	var document map[string]any
	check.OK(t, node.Decode(&document))
	text, err := json.Marshal(document)
	check.OK(t, err)
	return string(text)
}
