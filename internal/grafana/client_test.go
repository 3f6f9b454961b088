package grafana

import "testing"

// TestBaseURL: a token goes over the network encrypted, and in the clear only
// where nothing leaves the machine.
func TestBaseURL(t *testing.T) {
	for endpoint, want := range map[string]string{
		"g-0123456789.grafana-workspace.us-east-2.amazonaws.com": "https://g-0123456789.grafana-workspace.us-east-2.amazonaws.com",
		"127.0.0.1:3000":         "http://127.0.0.1:3000",
		"[::1]:3000":             "http://[::1]:3000",
		"10.0.0.7:3000":          "https://10.0.0.7:3000",
		"127.0.0.1.example.com":  "https://127.0.0.1.example.com",
		"https://grafana.local/": "https://grafana.local",
	} {
		if got := BaseURL(endpoint); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}
