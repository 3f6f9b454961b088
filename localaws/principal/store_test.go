package principal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/localaws/state"
)

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
	service, err := s.ServiceKey("lambda.amazonaws.com")
	if err != nil {
		t.Fatal(err)
	}
	if service.Principal.ARN != "lambda.amazonaws.com" || service.Principal.Account != Account {
		t.Errorf("service %+v", service.Principal)
	}
	session, err := s.Session(Principal{Account, "arn:aws:sts::111122223333:assumed-role/Deploy/me", "AROAX:me"}, noon, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	closeDB()

	for _, c := range []struct {
		now  time.Time
		kept bool
	}{{noon, true}, {noon.Add(2 * time.Hour), true}, {noon.Add(26 * time.Hour), false}} {
		s, closeDB := openStore(t, dir, c.now)
		if again, err := s.ServiceKey("lambda.amazonaws.com"); again != service || err != nil {
			t.Errorf("the service's key changed: %v", err)
		}
		if again, found, err := s.Lookup(service.ID); again != service || !found || err != nil {
			t.Errorf("Lookup: %+v, %v, %v", again, found, err)
		}
		if _, found, err := s.Lookup(session.ID); found != c.kept || err != nil {
			t.Errorf("at %s the session is found: %v, %v", c.now, found, err)
		}
		closeDB()
	}
}

func TestDeletedAndUnknownKeys(t *testing.T) {
	db, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := NewStore(db, noon)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *state.Tx) error {
		key, err := s.Create(tx, Principal{ARN: "arn:aws:iam::111122223333:user/u"}, noon)
		if err != nil {
			return err
		}
		if again, found, err := s.Get(tx, key.ID); again != key || !found || err != nil {
			t.Errorf("Get: %+v, %v, %v", again, found, err)
		}
		err = s.Delete(tx, key.ID)
		if _, found, _ := s.Get(tx, key.ID); found {
			t.Error("a deleted key is found")
		}
		return err
	})
	if err != nil {
		t.Error(err)
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
		config.WithSharedCredentialsFiles([]string{filepath.Join(dir, "credentials")}),
		config.WithSharedConfigFiles([]string{filepath.Join(dir, "config")}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != key.ID || got.SecretAccessKey != key.Secret || cfg.Region != "eu-west-1" {
		t.Errorf("read back key %q, region %q, %v", got.AccessKeyID, cfg.Region, err)
	}
}
