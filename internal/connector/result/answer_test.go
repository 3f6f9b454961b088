package result_test

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/connector/result"
)

// TestReadAnswerCleansTexts: what Grafana says reaches a terminal through the answer.
func TestReadAnswerCleansTexts(t *testing.T) {
	hostile := `\u001b[2J\u202e` + strings.Repeat("x", 5000) + `\n`
	got, err := result.ReadAnswer([]byte(`{"grafanaVersion": "` + hostile + `", "dataSources": [{"name": "` + hostile +
		`", "health": "OK\nfine"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{got.GrafanaVersion, got.DataSources[0].Name} {
		if strings.ContainsAny(text, "\x1b\u202e\n") || len(text) > 1000 || !strings.Contains(text, "xxx") {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
	if health := got.DataSources[0].Health; health != "OK fine" {
		t.Errorf("health %q", health)
	}
	if _, err := result.ReadAnswer([]byte(`{"dataSources": 1`)); err == nil {
		t.Error("half an answer is read without an error")
	}
}

func TestReadFailure(t *testing.T) {
	for payload, want := range map[string]string{
		`{"errorMessage": "no \u001b[31mGrafana"}`: "no  [31mGrafana",
		`{}`:     "the response contains no error message",
		`killed`: "the response contains no error message",
	} {
		if got := result.ReadFailure([]byte(payload)); got != want {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
}
