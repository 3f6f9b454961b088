package viewer

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzLocalPath: whatever a form says, signing in leads to a page of this server.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "/d/x?from=now-1h", "//example.com", `/\example.com`, "https://example.com", "/..//example.com", "/%2f/example.com", "/\x00", "javascript:alert(1)"} {
		f.Add(seed)
	}
	base, err := url.Parse("http://127.0.0.1:3000/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := localPath(path)
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != "http" {
			t.Errorf("%q leads to %q: %v, %v", path, got, to, err)
		}
		// What browsers read otherwise than Go does.
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n") {
			t.Errorf("%q leads to %q", path, got)
		}
	})
}
