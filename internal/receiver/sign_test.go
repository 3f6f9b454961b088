package receiver

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// home points the SDK at files of the test and away from everything else.
func home(t *testing.T, credentials string) (file string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	file = filepath.Join(dir, "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	save(t, file, credentials)
	return file
}

func save(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sharedKeys(id string) string {
	return "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = secret\n"
}

// bubble runs a test that signs: reading credentials has its limit of seconds, which does not pass in a bubble while
// files are read and connections used.
func bubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// TestRefusedCredentialsAreReadAnew: keys in a shared file are replaced while the
// process runs, which the SDK alone does not notice.
func TestRefusedCredentialsAreReadAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		file := home(t, sharedKeys("AKIAOLD"))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Authorization"), "AKIANEW") {
				http.Error(w, `{"message":"The security token included in the request is invalid"}`, http.StatusForbidden)
			}
		}))
		defer server.Close()
		signer, err := NewSigner(t.Context(), SigV4{Region: "us-east-2"})
		if err != nil {
			t.Fatal(err)
		}
		wall, skipped := time.Now(), time.Duration(0)
		clock := NewClock(func() time.Time { return wall.Add(skipped) }, func() time.Duration { return skipped })
		c := &Client{HTTP: server.Client(), URL: server.URL, Signer: signer, Timeout: time.Minute}
		if a := c.Post(t.Context(), []byte("body"), 0, clock); a.Code != 403 || a.Meaning != Later {
			t.Fatalf("answer %+v, want a 403", a)
		}
		save(t, file, sharedKeys("AKIANEW"))
		if a := c.Post(t.Context(), []byte("body"), 0, clock); a.Code != 403 {
			t.Fatalf("answer %+v: new credentials are not asked for at every request", a)
		}
		skipped = distrustAfter
		if a := c.Post(t.Context(), []byte("body"), 0, clock); a.Code != 403 {
			t.Fatalf("answer %+v, want the 403 that distrusts", a)
		}
		if a := c.Post(t.Context(), []byte("body"), 0, clock); a.Code != 200 {
			t.Errorf("answer %+v, want 200 with the new keys", a)
		}
	})
}

// TestSignsByTheReceiversClock: the machine is an hour behind; the first answer
// tells, and the next signature has the right time.
func TestSignsByTheReceiversClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		home(t, sharedKeys("AKIAEXAMPLE"))
		var dates []time.Time
		now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", now.Format(http.TimeFormat))
			date, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Error(err)
			}
			dates = append(dates, date)
		}))
		defer server.Close()
		signer, err := NewSigner(t.Context(), SigV4{Region: "us-east-2"})
		if err != nil {
			t.Fatal(err)
		}
		clock := NewClock(func() time.Time { return now.Add(-time.Hour) }, func() time.Duration { return 0 })
		c := &Client{HTTP: server.Client(), URL: server.URL, Signer: signer, Timeout: time.Minute}
		for range 2 {
			if a := c.Post(t.Context(), []byte("body"), 0, clock); a.Meaning != Accepted {
				t.Fatalf("answer %+v", a)
			}
		}
		if off := now.Sub(dates[0]); off != time.Hour {
			t.Errorf("first signature is off by %s, want an hour", off)
		}
		if off := now.Sub(dates[1]); off != 0 {
			t.Errorf("second signature is off by %s", off)
		}
	})
}

func TestRegion(t *testing.T) {
	home(t, sharedKeys("AKIAEXAMPLE"))
	if _, err := NewSigner(t.Context(), SigV4{}); hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), "region") {
		t.Errorf("without a region: %v, want bad input", err)
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	s, err := NewSigner(t.Context(), SigV4{})
	if err != nil || s.region != "eu-west-1" {
		t.Errorf("region of the environment: %v", err)
	}
}

func TestClockBeforeTheReceiverIsHeard(t *testing.T) {
	wall, elapsed := now, time.Duration(0)
	c := NewClock(func() time.Time { return wall }, func() time.Duration { return elapsed })
	wall = wall.Add(time.Hour) // set forward: what waits has not aged
	if got := c.Now(); !got.Equal(now) {
		t.Errorf("%s, want %s", got, now)
	}
	wall = now.Add(-time.Hour)
	if got := c.Now(); !got.Equal(wall) {
		t.Errorf("%s, want %s", got, wall)
	}
	c.Hear(now.Add(30 * time.Minute))
	elapsed += time.Minute
	if got := c.Receivers(); !got.Equal(now.Add(31 * time.Minute)) {
		t.Errorf("%s, want a minute after what was heard", got)
	}
}

// TestClockJudgesAge: by a clock that a receiver confirmed, and by the earlier of
// the receiver's and the machine's; by one that none did only after a machine that
// ran so long must be right about it.
func TestClockJudgesAge(t *testing.T) {
	wall, elapsed := now, time.Duration(0)
	c := NewClock(func() time.Time { return wall }, func() time.Duration { return elapsed })
	pass := func(d time.Duration) { wall, elapsed = wall.Add(d), elapsed+d }
	pass(59 * time.Minute)
	if got := c.Oldest(time.Hour); !got.IsZero() {
		t.Errorf("a clock that nobody confirmed drops what is older than %s", got)
	}
	pass(2 * time.Minute)
	if got := c.Oldest(time.Hour); !got.Equal(now.Add(time.Minute)) {
		t.Errorf("after an hour without a receiver: %s, want %s", got, now.Add(time.Minute))
	}
	c.Hear(wall.Add(2 * time.Hour)) // as something in between may say
	if got := c.Oldest(time.Hour); !got.Equal(now.Add(time.Minute)) {
		t.Errorf("after a Date two hours ahead: %s, want %s", got, now.Add(time.Minute))
	}
	c.Hear(wall.Add(-2 * time.Hour))
	if got := c.Oldest(time.Hour); !got.Equal(wall.Add(-3 * time.Hour)) {
		t.Errorf("after a Date two hours behind: %s, want %s", got, wall.Add(-3*time.Hour))
	}
}

// TestClockHearsOnlyTheReceiver: an answer that anyone on the way may give says
// nothing of the receiver's time.
func TestClockHearsOnlyTheReceiver(t *testing.T) {
	for _, c := range []struct {
		code  int
		body  string
		heard bool
	}{
		{200, "", true},
		{204, "", true},
		{400, "err: out-of-order sample", true},
		{400, "user=1_ws: per-user series limit of 10000000 exceeded", true},
		{400, "<html>bad request</html>", false},
		{302, "", false},
		{401, "", false},
		{403, "blocked by policy", false},
		{403, `{"message":"Signature expired: 20261102T060000Z is now earlier than 20261102T085500Z (20261102T090000Z - 5 min.)"}`, true},
		{403, `{"message":"Signature not yet current: 20261102T120000Z is still later than 20261102T090500Z (20261102T090000Z + 5 min.)"}`, true},
		{404, "", false},
		{413, "", false},
		{429, "", false},
		{502, "", false},
		{503, "Signature expired", false},
	} {
		date := now.Add(2 * time.Hour)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", date.Format(http.TimeFormat))
			w.WriteHeader(c.code)
			if c.body != "" {
				_, _ = w.Write([]byte(c.body)) // an error shows as a wrong answer
			}
		}))
		clock := NewClock(func() time.Time { return now }, func() time.Duration { return 0 })
		http := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		client := &Client{HTTP: http, URL: server.URL, Timeout: time.Minute}
		client.Post(t.Context(), []byte("body"), 0, clock)
		server.Close()
		if heard := clock.Receivers().Equal(date); heard != c.heard {
			t.Errorf("%d %q moves the clock: %v, want %v", c.code, c.body, heard, c.heard)
		}
	}
}

// TestPathIsCleanedBeforeItIsSigned: as by the library that Prometheus signs with,
// and what is signed is what is sent.
func TestPathIsCleanedBeforeItIsSigned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		home(t, sharedKeys("AKIAEXAMPLE"))
		for written, want := range map[string]string{
			"/workspaces/ws-1//api/v1/remote_write":        "/workspaces/ws-1/api/v1/remote_write",
			"//workspaces/ws-1/./api/x/../v1/remote_write": "/workspaces/ws-1/api/v1/remote_write",
			"/workspaces/ws-1/api/v1/remote_write/":        "/workspaces/ws-1/api/v1/remote_write/",
			"/workspaces/ws%2F1//remote_write?a=b//c":      "/workspaces/ws/1/remote_write",
			"": "/",
		} {
			var got, query, signed, own string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got, query, signed, own = r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Scope-OrgID")
			}))
			signer, err := NewSigner(t.Context(), SigV4{Region: "us-east-2"})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			c := &Client{HTTP: server.Client(), URL: server.URL + written, Signer: signer, Timeout: time.Minute,
				Headers: map[string]string{"X-Scope-OrgID": "tenant"}}
			a := c.Post(t.Context(), []byte("body"), 0, NewClock(time.Now, func() time.Duration { return time.Since(began) }))
			server.Close()
			if a.Code != 200 || got != want || strings.Contains(written, "?") != (strings.Contains(query, "a=b")) {
				t.Errorf("%s: %d, sent to %s?%s, want %s", written, a.Code, got, query, want)
			}
			if own != "tenant" || strings.Contains(signed, "x-scope-orgid") {
				t.Errorf("own header %q, signed: %s", own, signed)
			}
		}
	})
}
