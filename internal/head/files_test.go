package head

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

// TestFilesThatNeverEnd: a file that a configuration names and that is waited for, has no end or is
// very large is refused by its key and its name. Nothing is read of it.
func TestFilesThatNeverEnd(t *testing.T) {
	dir := t.TempDir()
	pipe, zero, large, null := filepath.Join(dir, "pipe.yml"), filepath.Join(dir, "zero.yml"), filepath.Join(dir, "large.yml"), "/dev/null"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", zero); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 200<<30); err != nil {
		t.Fatal(err)
	}
	const job, write1 = "scrape_configs: [{job_name: a, %s}]", "remote_write: [{url: 'http://127.0.0.1:1/x', %s}]"
	for key, text := range map[string]string{
		"password_file":               fmt.Sprintf(job, "basic_auth: {username: a, password_file: FILE}"),
		"username_file":               fmt.Sprintf(write1, "basic_auth: {username_file: FILE, password: a}"),
		"credentials_file":            fmt.Sprintf(write1, "authorization: {credentials_file: FILE}"),
		"bearer_token_file":           fmt.Sprintf(job, "http_sd_configs: [{url: 'http://127.0.0.1:1', bearer_token_file: FILE}]"),
		"ca_file":                     fmt.Sprintf(write1, "tls_config: {ca_file: FILE}"),
		"cert_file":                   fmt.Sprintf(job, "tls_config: {cert_file: FILE, key: a}"),
		"key_file":                    fmt.Sprintf(job, "ec2_sd_configs: [{region: r, tls_config: {cert: a, key_file: FILE}}]"),
		"client_secret_file":          fmt.Sprintf(job, "oauth2: {client_id: a, client_secret_file: FILE, token_url: 'http://127.0.0.1:1'}"),
		"files":                       fmt.Sprintf(write1, "http_headers: {a: {files: [FILE]}}"),
		"scrape_config_files":         "scrape_config_files: [FILE]",
		"AWS_SHARED_CREDENTIALS_FILE": fmt.Sprintf(write1, "sigv4: {region: r}"),
		"AWS_CONFIG_FILE":             fmt.Sprintf(job, "ec2_sd_configs: [{region: r}]"),
	} {
		for name, says := range map[string]string{pipe: "is a pipe or a device", zero: "is a pipe or a device", large: "has 214748364800 bytes",
			null: "", filepath.Join(dir, "none"): ""} {
			t.Run(key+" "+filepath.Base(name), func(t *testing.T) {
				t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "")
				t.Setenv("AWS_CONFIG_FILE", "")
				if strings.HasPrefix(key, "AWS_") {
					t.Setenv(key, name)
				}
				_, err := Check(t.Context(), write(t, strings.ReplaceAll(text, "FILE", name)), false)
				switch {
				case says == "" && err != nil && strings.Contains(err.Error(), "pipe"):
					t.Error(err)
				case says != "" && (hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), key) ||
					!strings.Contains(err.Error(), name+" "+says)):
					t.Errorf("code %d: %v", hint.CodeOf(err), err)
				}
			})
		}
	}
	if sum := fileSum(pipe); sum != [len(sum)]byte{} {
		t.Error("a pipe has a checksum")
	}
}
