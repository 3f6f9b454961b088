package head

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestEndlessRegion: an instance metadata service whose answer to the question for the region has no end
// costs no memory and is named; the targets are found in the region that it names later.
func TestEndlessRegion(t *testing.T) {
	for _, text := range []string{"ec2_sd_configs: [{", "aws_sd_configs: [{role: ec2, "} {
		t.Run(text, func(t *testing.T) {
			var sent, ends atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
				switch {
				case r.Method == http.MethodPut:
					_, _ = io.WriteString(w, "token")
				case r.Method == http.MethodPost:
					_, _ = io.WriteString(w, "<R><reservationSet><item><instancesSet><item><privateIpAddress>10.0.0.1</privateIpAddress>"+
						"</item></instancesSet></item></reservationSet></R>")
				case ends.Load() == 1:
					_, _ = io.WriteString(w, `{"region": "eu-north-1"}`)
				default:
					for sent.Load() < 512<<20 {
						n, err := io.WriteString(w, strings.Repeat(" ", 64<<10))
						sent.Add(int64(n))
						if err != nil {
							return
						}
					}
				}
			}))
			defer s.Close()
			for _, name := range []string{"AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
				t.Setenv(name, "")
			}
			for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
				t.Setenv(name, filepath.Join(t.TempDir(), "none"))
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.URL)
			l, err := load(write(t, "scrape_configs: [{job_name: a, "+text+"endpoint: '"+s.URL+"', access_key: a, secret_key: b}]}]"), false,
				slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			w := newWatch()
			why := make(chan string, 1)
			w.wait = func(context.Context, time.Duration) {
				if all := w.status(); len(all) == 1 && ends.Swap(1) == 0 {
					why <- all[0].Why
				}
			}
			out, done, cancel := runDiscovery(t, w.over(l.discovery)["a"][0])
			select {
			case groups := <-out:
				if len(groups) != 1 || groups[0].Source != "eu-north-1" || len(groups[0].Targets) != 1 {
					t.Errorf("found %+v", groups)
				}
			case <-done:
				t.Error("it ended")
			}
			if text := <-why; !strings.Contains(text, "larger than") {
				t.Error(text)
			}
			if n := sent.Load(); n > 64<<20 {
				t.Errorf("%d bytes were read", n)
			}
			cancel()
			<-done
		})
	}
}
