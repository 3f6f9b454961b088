//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// posted is what SNS posts to an endpoint, which confirms its subscription.
type posted struct {
	mu       sync.Mutex
	messages []string
}

func (p *posted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Type, Subject, Message, SubscribeURL string }
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &message) != nil {
		http.Error(w, "not a message of SNS", http.StatusBadRequest)
		return
	}
	text := message.Subject + "\n" + message.Message
	if message.Type == "SubscriptionConfirmation" {
		answer, err := http.Get(message.SubscribeURL)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer.Body.Close()
		text = "confirmed"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, text)
}

// has returns text if a message holds it, else all messages.
func (p *posted) has(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		if strings.Contains(m, text) {
			return text
		}
	}
	return strings.Join(p.messages, "\n")
}

// subscribe subscribes an endpoint of this test to the stack's topic.
func (f *flow) subscribe(t *testing.T) *posted {
	t.Helper()
	f = f.in(t)
	p := &posted{}
	endpoint := httptest.NewServer(p)
	t.Cleanup(endpoint.Close)
	client := sns.NewFromConfig(f.cloud.Operator())
	topics := check.Must[*sns.ListTopicsOutput](t)(client.ListTopics(t.Context(), &sns.ListTopicsInput{}))
	if len(topics.Topics) != 1 {
		t.Fatalf("%d topics, want the stack's", len(topics.Topics))
	}
	check.Must[*sns.SubscribeOutput](t)(client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topics.Topics[0].TopicArn,
		Protocol: aws.String("http"), Endpoint: &endpoint.URL}))
	f.eventually(time.Minute, "confirmed", func() string { return p.has("confirmed") })
	return p
}

// alerted waits for the alert of an XID that began at a time: by AMP's query offset and the groups of
// the alert manager it comes within four minutes.
func (f *flow) alerted(t *testing.T, p *posted, node string, began time.Time) {
	f = f.in(t)
	for _, text := range []string{"[FIRING] GPUXidPage, cluster hpc: ", "node: " + node,
		"What to do: https://github.com/parascope/parascope/blob/main/docs/alerts/GPUXidPage.md"} {
		f.eventually(4*time.Minute, text, func() string { return p.has(text) })
	}
	t.Logf("the alert arrived %s after the XID", time.Since(began).Round(time.Second))
	if firing := f.sh("parascope alerts list"); !strings.Contains(firing, "GPUXidPage") || !strings.Contains(firing, node) {
		t.Errorf("parascope alerts list printed\n%s", firing)
	}
}
