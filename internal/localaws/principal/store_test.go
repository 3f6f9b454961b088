package principal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/internal/localaws/state"
)

const roleARN = "arn:aws:iam::111122223333:role/path/Deploy"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T, dir string, now time.Time) (*Store, func()) {
	t.Helper()
	db, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStore(db, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeysAndSessionsSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s, closeDB := openStore(t, dir, noon)
	operator, err := s.User("operator")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddRole(roleARN); err != nil {
		t.Fatal(err)
	}
	session, found, err := s.Assume(roleARN, "me", noon.Add(time.Hour))
	if !found || err != nil {
		t.Fatalf("Assume: %v, %v", found, err)
	}
	if session.Principal.ARN != "arn:aws:sts::111122223333:assumed-role/Deploy/me" || !strings.HasSuffix(session.Principal.UserID, ":me") {
		t.Errorf("session of %+v", session.Principal)
	}
	closeDB()

	for _, c := range []struct {
		now  time.Time
		kept bool
	}{{noon, true}, {noon.Add(2 * time.Hour), true}, {noon.Add(26 * time.Hour), false}} {
		s, closeDB := openStore(t, dir, c.now)
		if again, err := s.User("operator"); again != operator || err != nil {
			t.Errorf("the operator's key changed: %v", err)
		}
		if _, found, err := s.Lookup(session.ID); found != c.kept || err != nil {
			t.Errorf("at %s the session is found: %v, %v", c.now, found, err)
		}
		closeDB()
	}
}

func TestUnknownRoleAndKey(t *testing.T) {
	s, closeDB := openStore(t, t.TempDir(), noon)
	defer closeDB()
	if _, found, err := s.Assume(roleARN, "me", noon); found || err != nil {
		t.Errorf("Assume: %v, %v", found, err)
	}
	if _, found, err := s.Lookup("AKIANOBODY"); found || err != nil {
		t.Errorf("Lookup: %v, %v", found, err)
	}
}

// The files are read back by the SDK, which knows their format.
func TestSharedFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "aws")
	key := AccessKey{ID: "AKIAEXAMPLE", Secret: "secret"}
	if err := WriteSharedFiles(dir, "eu-west-1", []Profile{{"operator", key}, {"head", AccessKey{ID: "AKIAHEAD", Secret: "h"}}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"credentials", "config"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigProfile("operator"),
		config.WithSharedCredentialsFiles([]string{filepath.Join(dir, "credentials")}), config.WithSharedConfigFiles([]string{filepath.Join(dir, "config")}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != key.ID || got.SecretAccessKey != key.Secret || cfg.Region != "eu-west-1" {
		t.Errorf("read back key %q, region %q, %v", got.AccessKeyID, cfg.Region, err)
	}
}
