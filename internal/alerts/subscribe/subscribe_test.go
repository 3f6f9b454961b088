package subscribe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/hint"
)

func TestEndpoints(t *testing.T) {
	got, err := subscribe.Parameters([]string{"alice@example.com", "https://events.example.com/x?key=1", "alice@example.com"})
	if diff := cmp.Diff(map[string]string{"AlertEmail": "alice@example.com", "AlertURL": "https://events.example.com/x?key=1"},
		got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err := subscribe.Parameters(nil); len(got) != 0 || err != nil {
		t.Errorf("none: %v, %v", got, err)
	}
}

func TestEndpointsThatAreRefused(t *testing.T) {
	for endpoint, says := range map[string]string{
		"": "neither an e-mail", "alice": "neither an e-mail", "alice@localhost": "neither an e-mail",
		"Alice <alice@example.com>": "neither an e-mail",
		"alice@exämple.com":         "neither an e-mail", "alice@example.com\n": "neither an e-mail", "a b@example.com": "neither an e-mail",
		"http://example.com/": "begin with https", "https://": "begin with https", "ftp://example.com": "begin with https",
		"https://exa mple.com/": "begin with https", "https://example.com/\n": "begin with https",
		"https://hooks.slack.com/services/T/B/x": "Slack", "https://HOOKS.slack.com./x": "Slack",
		"https://contoso.webhook.office.com/webhookb2/x":                                 "Teams",
		"https://prod-1.westeurope.logic.azure.com:443/workflows/x":                      "Teams",
		"https://default1.environment.api.powerplatform.com/powerautomate/automations/x": "Teams",
		"https://chat.googleapis.com/v1/spaces/x":                                        "Google Chat",
		"https://discord.com/api/webhooks/1/x":                                           "Discord",
	} {
		_, err := subscribe.Parameters([]string{endpoint})
		if err == nil || !strings.Contains(err.Error(), says) || hint.CodeOf(err) != hint.BadInput || hint.Next(err) == "" {
			t.Errorf("%q: %v, next %q", endpoint, err, hint.Next(err))
		}
		if err != nil && strings.Contains(err.Error()+hint.Next(err), "/services/T") {
			t.Errorf("a secret path is shown: %v", err)
		}
	}
	if _, err := subscribe.Parameters([]string{"a@example.com", "b@example.com"}); hint.CodeOf(err) != hint.Usage {
		t.Errorf("two of a kind: %v", err)
	}
}
