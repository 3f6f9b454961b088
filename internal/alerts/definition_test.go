package alerts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
)

// definitionText is the template's alert manager definition, with a site's routes and
// receivers as the template's parameters have them.
func definitionText(t *testing.T, routes, receivers string) string {
	t.Helper()
	var file struct {
		Resources struct {
			PrometheusWorkspace struct {
				Properties struct {
					AlertManagerDefinition yaml.Node `yaml:"AlertManagerDefinition"`
				} `yaml:"Properties"`
			} `yaml:"PrometheusWorkspace"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(parascope.Template), &file); err != nil {
		t.Fatal(err)
	}
	sub := file.Resources.PrometheusWorkspace.Properties.AlertManagerDefinition
	if sub.Tag != "!Sub" || len(sub.Content) != 2 {
		t.Fatalf("the definition is %s with %d parts", sub.Tag, len(sub.Content))
	}
	if routes != "" {
		routes += ","
	}
	if receivers != "" {
		receivers = ", " + receivers
	}
	return strings.NewReplacer("${Routes}", routes, "${Receivers}", receivers, "${AlertTopic}",
		"arn:aws:sns:us-east-2:111122223333:pcluster-infra-alerts", "${AWS::Region}", "us-east-2").Replace(sub.Content[0].Value)
}

// definition reads it as Alertmanager does.
func definition(t *testing.T, routes, receivers string) (*config.Config, *template.Template) {
	t.Helper()
	var parts struct {
		Templates map[string]string `yaml:"template_files"`
		Config    string            `yaml:"alertmanager_config"`
	}
	if err := yaml.Unmarshal([]byte(definitionText(t, routes, receivers)), &parts); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(parts.Config)
	if err != nil {
		t.Fatal(err)
	}
	all, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Templates {
		if err := all.Parse(strings.NewReader(parts.Templates[name])); err != nil {
			t.Fatal(err)
		}
	}
	return c, all
}

func labels(pairs ...string) model.LabelSet {
	set := model.LabelSet{}
	for i := 0; i < len(pairs); i += 2 {
		set[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
	}
	return set
}

// TestRoutes: severity says when and how often, and a site's own routes come first.
func TestRoutes(t *testing.T) {
	c, _ := definition(t, `{receiver: ml, matchers: ['cluster="ml"'], continue: true}`, `{name: ml}`)
	route := dispatch.NewRoute(c.Route, nil)
	for _, want := range []struct {
		labels    model.LabelSet
		receivers string
		wait      time.Duration
		again     time.Duration
	}{
		{labels("severity", "page", "cluster", "hpc"), "parascope", 30 * time.Second, 4 * time.Hour},
		{labels("severity", "warn", "cluster", "hpc"), "parascope", 2 * time.Minute, 24 * time.Hour},
		{labels("severity", "info"), "parascope", 30 * time.Second, 24 * time.Hour},
		{labels("severity", "page", "cluster", "ml"), "ml,parascope", 30 * time.Second, 4 * time.Hour},
	} {
		var receivers []string
		matched := route.Match(want.labels)
		for _, r := range matched {
			receivers = append(receivers, r.RouteOpts.Receiver)
		}
		last := matched[len(matched)-1].RouteOpts
		if strings.Join(receivers, ",") != want.receivers || last.GroupWait != want.wait || last.RepeatInterval != want.again {
			t.Errorf("%v: %v, %s, %s", want.labels, receivers, last.GroupWait, last.RepeatInterval)
		}
	}
}

// TestInhibition: a node that is down silences what is said of it, and of no other one.
func TestInhibition(t *testing.T) {
	c, _ := definition(t, "", "")
	silenced := func(source, target model.LabelSet) bool {
		for _, r := range c.InhibitRules {
			matches := true
			for _, m := range r.SourceMatchers {
				matches = matches && m.Matches(string(source[model.LabelName(m.Name)]))
			}
			for _, m := range r.TargetMatchers {
				matches = matches && m.Matches(string(target[model.LabelName(m.Name)]))
			}
			for _, name := range r.Equal {
				matches = matches && source[model.LabelName(name)] == target[model.LabelName(name)]
			}
			if matches {
				return true
			}
		}
		return false
	}
	down := labels("alertname", "NodeDown", "cluster", "a", "node", "n1")
	for _, c := range []struct {
		source, target model.LabelSet
		want           bool
	}{
		{down, labels("alertname", "GPUXidPage", "cluster", "a", "node", "n1", "gpu", "0"), true},
		{down, labels("alertname", "GPUXidPage", "cluster", "a", "node", "n2"), false},
		{down, labels("alertname", "GPUXidPage", "cluster", "b", "node", "n1"), false},
		{down, labels("alertname", "SlurmQueueStuck", "cluster", "a"), false},
		{down, down, false},
		{labels("alertname", "NodesDown", "cluster", "a"), labels("alertname", "TargetsDown", "cluster", "a", "node", "n1"), true},
		{labels("alertname", "NodesDown", "cluster", "a"), labels("alertname", "GPUXidPage", "cluster", "a", "node", "n1"), false},
		{labels("alertname", "SlurmControllerDown", "cluster", "a"), labels("alertname", "SlurmDataOld", "cluster", "a"), true},
	} {
		if got := silenced(c.source, c.target); got != c.want {
			t.Errorf("%v silences %v: %v", c.source, c.target, got)
		}
	}
}

// TestAStormIsFewMessages: what 500 nodes that go down at once make fire, alert by alert, is
// sent as a message for each name, severity and cluster.
func TestAStormIsFewMessages(t *testing.T) {
	c, _ := definition(t, "", "")
	route := dispatch.NewRoute(c.Route, nil)
	storm := []model.LabelSet{labels("alertname", "NodesDown", "severity", "page", "cluster", "a"),
		labels("alertname", "SlurmNodeDown", "severity", "page", "cluster", "a")}
	for i := range 50 {
		storm = append(storm, labels("alertname", "GPUXidPage", "severity", "page", "cluster", "a", "node", fmt.Sprint("n", i)))
	}
	for _, queue := range []string{"gpu", "cpu", "spot"} {
		storm = append(storm, labels("alertname", "SlurmJobsLostTheirNode", "severity", "warn", "cluster", "a", "partition", queue),
			labels("alertname", "ParallelClusterInstancesLost", "severity", "warn", "cluster", "a", "queue", queue))
	}
	groups := map[string]bool{}
	for _, alert := range storm {
		for _, r := range route.Match(alert) {
			group := labels()
			for name := range r.RouteOpts.GroupBy {
				group[name] = alert[name]
			}
			groups[group.String()] = true
		}
	}
	if len(groups) > 5 || len(groups) < 2 {
		t.Errorf("%d messages: %v", len(groups), groups)
	}
}

// TestMessages have what a person needs, within the bounds of SNS, whatever the labels hold.
func TestMessages(t *testing.T) {
	c, all := definition(t, "", "")
	alert := template.Alert{Status: "firing", Labels: template.KV{"alertname": "GPUXidPage", "cluster": "hpc", "node": "gpu-1"},
		Annotations: template.KV{"summary": "GPU 0 of gpu-1 reported XID 79.", "runbook_url": "https://example.com/GPUXidPage.md"},
		StartsAt:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	data := template.Data{Status: "firing", Alerts: template.Alerts{alert},
		GroupLabels: template.KV{"alertname": "GPUXidPage", "cluster": "hpc"}}
	sns := c.Receivers[0].SNSConfigs[0]
	render := func(text string) string {
		t.Helper()
		out, err := all.ExecuteTextString(text, &data)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := render(sns.Subject); got != "[FIRING] GPUXidPage, cluster hpc: 1 firing" {
		t.Errorf("subject %q", got)
	}
	const want = `1 firing, 0 resolved

GPU 0 of gpu-1 reported XID 79.
firing since 2026-01-02 03:04:05 UTC
  alertname: GPUXidPage
  cluster: hpc
  node: gpu-1
What to do: https://example.com/GPUXidPage.md

`
	if got := render(sns.Message); got != want {
		t.Errorf("message %q\nwant %q", got, want)
	}

	data.GroupLabels["cluster"] = strings.Repeat("größe\n", 100)
	alert.Labels["reason"], alert.Annotations["summary"] = "a\x1b[31m\nb"+strings.Repeat("x", 7000), "s\x00\ns"
	data.Alerts = nil
	for range 500 {
		data.Alerts = append(data.Alerts, alert)
	}
	subject := render(sns.Subject)
	if len(subject) > 100 || strings.IndexFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		t.Errorf("subject of %d bytes: %q", len(subject), subject)
	}
	message := render(sns.Message)
	if len(message) > 256<<10 || strings.ContainsAny(message, "\x1b\x00") || strings.Count(message, "What to do") != 20 ||
		!strings.HasPrefix(message, "500 firing") || !strings.Contains(message, "The first 20 are above") {
		t.Errorf("message of %d bytes: %.300q", len(message), message)
	}
	if !sns.SendResolved() {
		t.Error("the end of an alert is not sent")
	}
}
