package awsconf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/hint"
)

// clean gives the test a machine without any AWS configuration.
func clean(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			os.Unsetenv(name) // Setenv above restores it afterwards
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRegion(t *testing.T) {
	tests := []struct{ name, flag, env, profile, want string }{
		{name: "nothing", want: "us-east-2"},
		{name: "profile", profile: "eu-west-1", want: "eu-west-1"},
		{name: "environment over profile", env: "us-west-2", profile: "eu-west-1", want: "us-west-2"},
		{name: "flag over all", flag: "ap-northeast-2", env: "us-west-2", profile: "eu-west-1", want: "ap-northeast-2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clean(t)
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			if tt.env != "" {
				t.Setenv("AWS_REGION", tt.env)
			}
			if tt.profile != "" {
				t.Setenv("AWS_CONFIG_FILE", write(t, "[default]\nregion = "+tt.profile+"\n"))
			}
			cfg, err := awsconf.Load(t.Context(), awsconf.Options{Region: tt.flag})
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Region != tt.want {
				t.Errorf("region %q, want %q", cfg.Region, tt.want)
			}
		})
	}
}

func TestMissingCredentialsSayWhatToDo(t *testing.T) {
	clean(t)
	for name, o := range map[string]awsconf.Options{
		"nothing":         {},
		"unknown profile": {Profile: "nobody"},
		"file not there":  {Files: awsconf.Files{Credentials: "/nonexistent/credentials"}},
	} {
		_, err := awsconf.Load(t.Context(), o)
		if hint.CodeOf(err) != hint.Denied || !strings.Contains(hint.Next(err), "parascope local env") ||
			!strings.Contains(hint.Next(err), "aws sso login") {
			t.Errorf("%s: error %v, code %d, next %q", name, err, hint.CodeOf(err), hint.Next(err))
		}
	}
}

func TestFilesOutrankTheEnvironment(t *testing.T) {
	clean(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	o := awsconf.Options{Files: awsconf.Files{
		Credentials: write(t, "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = secret\n[ops]\naws_access_key_id = AKIDOPS\n"+
			"aws_secret_access_key = secret\n"),
		Config: write(t, "[default]\nregion = eu-central-1\n"),
	}}
	for profile, want := range map[string]string{"": "AKIDFILE", "ops": "AKIDOPS"} {
		o.Profile = profile
		cfg, err := awsconf.Load(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		c, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || c.AccessKeyID != want {
			t.Errorf("profile %q: key %q (error %v), want %q", profile, c.AccessKeyID, err, want)
		}
	}
}
