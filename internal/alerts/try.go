package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
)

// TestAlert is the name of the alert that a trial makes.
const TestAlert = "ParascopeTest"

// testRules is the rule file of a trial: an alert that fires at once.
const testRules = `groups:
  - name: parascope-test
    interval: 30s
    rules:
      - alert: ` + TestAlert + `
        expr: vector(1)
        labels: {severity: page, cluster: test}
        annotations:
          summary: This is a test alert. No action is needed.
          runbook_url: https://github.com/parascope/parascope/blob/main/docs/alerts/README.md
`

// Trial is how far a test alert came.
type Trial struct {
	Subscriptions []subscribe.Subscription `json:"subscriptions"`
	Written       bool                     `json:"written"`            // the rule is in Prometheus; false: no more was tried
	Active        bool                     `json:"active"`             // the alert manager has it
	Held          string                   `json:"held,omitempty"`     // why the alert manager does not send it
	Delivered     bool                     `json:"delivered"`          // SNS counts a delivery since the trial began
	Unknown       string                   `json:"unknown,omitempty"`  // why deliveries were not counted
	Leftover      string                   `json:"leftover,omitempty"` // what could not be removed afterwards
}

// TryOptions say how long a trial waits. The zero values are good.
type TryOptions struct {
	Active    time.Duration // for the alert manager to have the alert; default 4 minutes
	Delivered time.Duration // then, for SNS to count a delivery; default 8 minutes: CloudWatch is late
	Poll      time.Duration // default 5 seconds
	Now       func() time.Time
	Tell      func(text string) // what was reached; may be nil
}

func (o *TryOptions) fill() {
	for _, d := range []struct {
		set *time.Duration
		to  time.Duration
	}{{&o.Active, 4 * time.Minute}, {&o.Delivered, 8 * time.Minute}, {&o.Poll, 5 * time.Second}} {
		if *d.set <= 0 {
			*d.set = d.to
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
}

// Try sends a real alert the whole way: a rule that fires at once is written to Prometheus,
// and removed when the trial is over, also after a failure. The error says which part of
// the way does not work.
func Try(ctx context.Context, cfg aws.Config, at Place, o TryOptions) (t Trial, err error) {
	o.fill()
	if at.TopicARN == "" {
		return t, hint.New(hint.NotFound, errors.New("the stack has no SNS topic for alerts: an older version of parascope created the stack"),
			"'parascope up' adds the topic")
	}
	if t.Subscriptions, err = subscribe.List(ctx, cfg, at.TopicARN); err != nil {
		return t, err
	}
	if err := reachesSomebody(t.Subscriptions); err != nil {
		return t, err
	}
	client, err := amp.NewAlertClient(cfg, at.Endpoint)
	if err != nil {
		return t, err
	}
	began := o.Now()
	w := namespace.Writer{Client: sdk.NewFromConfig(cfg), WorkspaceID: at.WorkspaceID, Poll: poll}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if failed := w.Delete(clean, testNamespace); failed != nil {
			t.Leftover = failed.Error()
		}
	}()
	if err := w.WriteOne(ctx, namespace.File{Name: testNamespace, Data: []byte(testRules), Rules: 1}); err != nil {
		return t, fmt.Errorf("could not write the test rule: %w", err)
	}
	t.Written = true
	o.Tell("the rule is written; Prometheus evaluates it within two minutes")
	if err := t.awaitActive(ctx, client, o); err != nil {
		return t, err
	}
	if t.Held != "" {
		return t, hint.New(hint.Failure, errors.New("the alert manager received the alert and does not send it: "+t.Held),
			"'parascope alerts silence --list' shows the silences")
	}
	o.Tell("the alert manager received the alert and sends it within 30 s; CloudWatch shows the delivery some minutes later")
	return t, t.awaitDelivery(ctx, cfg, at, began, o)
}

const testNamespace = namespace.Prefix + "test"

// reachesSomebody is an error where no endpoint of the topic has confirmed.
func reachesSomebody(all []subscribe.Subscription) error {
	if len(all) == 0 {
		return hint.New(hint.Failure, errors.New("alerts have no recipient: the SNS topic has no subscription"),
			"'parascope up --alert-to alice@example.com' adds a recipient")
	}
	var waiting []string
	for _, s := range all {
		if s.Confirmed {
			return nil
		}
		waiting = append(waiting, s.Endpoint)
	}
	return hint.New(hint.Failure, fmt.Errorf("no alert recipient has confirmed its subscription: %s", strings.Join(waiting, ", ")),
		"open the confirmation link in AWS's e-mail (check the spam folder), or make the webhook confirm; 'parascope up --alert-to "+
			"ENDPOINT' subscribes another endpoint")
}

func (t *Trial) awaitActive(ctx context.Context, client *amp.AlertClient, o TryOptions) error {
	return o.until(ctx, o.Active, "the alert manager does not have the alert", "'parascope status' shows the state of the rules",
		func() (bool, error) {
			all, err := client.Alerts(ctx)
			for _, a := range all {
				if a.Labels["alertname"] != TestAlert {
					continue
				}
				t.Active = true
				if len(a.Status.SilencedBy) > 0 {
					t.Held = "silenced by " + strings.Join(a.Status.SilencedBy, ", ")
				}
			}
			return t.Active, err
		})
}

// awaitDelivery waits for CloudWatch's count of the topic's deliveries.
func (t *Trial) awaitDelivery(ctx context.Context, cfg aws.Config, at Place, began time.Time, o TryOptions) error {
	client := cloudwatch.NewFromConfig(cfg)
	name := at.TopicARN[strings.LastIndex(at.TopicARN, ":")+1:]
	return o.until(ctx, o.Delivered, "CloudWatch shows no delivery by SNS",
		"the topic's access policy may have been changed ('parascope up' restores it), or CloudWatch is late: check whether the message arrived",
		func() (bool, error) {
			out, err := client.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
				StartTime: aws.Time(began.Truncate(time.Minute)), EndTime: aws.Time(o.Now().Add(time.Minute)),
				MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("delivered"), MetricStat: &types.MetricStat{
					Metric: &types.Metric{Namespace: aws.String("AWS/SNS"), MetricName: aws.String("NumberOfNotificationsDelivered"),
						Dimensions: []types.Dimension{{Name: aws.String("TopicName"), Value: &name}}},
					Period: aws.Int32(60), Stat: aws.String("Sum"),
				}}},
			})
			if err != nil {
				t.Unknown = err.Error()
				return true, nil
			}
			for _, r := range out.MetricDataResults {
				for _, v := range r.Values {
					t.Delivered = t.Delivered || v > 0
				}
			}
			return t.Delivered, nil
		})
}

// until asks again and again until done or for so long.
func (o TryOptions) until(ctx context.Context, most time.Duration, failed, next string, ask func() (done bool, err error)) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(o.Poll)
	defer tick.Stop()
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return hint.New(hint.Failure, fmt.Errorf("%s after %s", failed, most), next)
		}
	}
}
