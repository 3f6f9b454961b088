package staging

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const script = "s3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh"

// TestAnUpgradeReplacesTheManifestAndNothingElse: the script's key stays, objects that the
// older manifest names stay, and a second run uploads nothing.
func TestAnUpgradeReplacesTheManifestAndNothingElse(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	client := s3.NewFromConfig(cfg)
	source := cluster.Source{Script: script}
	if err := CheckScript(t.Context(), cfg, source); hint.CodeOf(err) != hint.NotFound {
		t.Errorf("a script that is not there: %v", err)
	}
	first := Stage{Stack: "pcluster-infra", Version: "v1.0.0", Script: "#!/bin/sh\nexit 0\n",
		Programs: []artifact.Program{{Name: "parascope-node", Architecture: "arm64", Packed: []byte("one")}}}
	done, err := first.Put(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if done.Uploaded != 3 || !done.BucketCreated || done.Script != script {
		t.Errorf("staged: %+v", done)
	}
	if err := CheckScript(t.Context(), cfg, source); err != nil {
		t.Error(err)
	}
	if again, err := first.Put(t.Context(), cfg); err != nil || again.Uploaded != 0 || again.BucketCreated {
		t.Errorf("again: %+v, %v", again, err)
	}
	old := readManifest(t, client, done.Bucket)

	second := first
	second.Version, second.Programs = "v1.1.0", []artifact.Program{{Name: "parascope-node", Architecture: "arm64", Packed: []byte("two")}}
	if upgraded, err := second.Put(t.Context(), cfg); err != nil || upgraded.Uploaded != 2 {
		t.Errorf("the upgrade: %+v, %v", upgraded, err)
	}
	now := readManifest(t, client, done.Bucket)
	if now.Version != "v1.1.0" || now.Files[0].Key == old.Files[0].Key || now.Files[0].Bytes != 3 {
		t.Errorf("the manifest is %+v", now)
	}
	for _, m := range []Manifest{old, now} {
		if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &done.Bucket, Key: &m.Files[0].Key}); err != nil {
			t.Errorf("%s: %v", m.Files[0].Key, err)
		}
	}
}

// TestSomebodyElseWhoStagesIsNoticed: what was not seen is not overwritten.
func TestSomebodyElseWhoStagesIsNoticed(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	b, err := artifact.OpenBucket(t.Context(), cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	s := store{client: s3.NewFromConfig(cfg), bucket: b.Name, owner: b.Owner}
	if err := s.put(t.Context(), "k", []byte("theirs"), nil); err != nil {
		t.Fatal(err)
	}
	stale := `"0123456789abcdef0123456789abcdef"`
	for name, seen := range map[string]*string{"seen none": nil, "seen another": &stale} {
		if err := s.put(t.Context(), "k", []byte("ours"), seen); !isCode(err, "PreconditionFailed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := s.replace(t.Context(), "k", []byte("ours")); n != 1 || err != nil {
		t.Errorf("replace what was seen: %d, %v", n, err)
	}
}

func readManifest(t *testing.T, client *s3.Client, bucket string) (m Manifest) {
	t.Helper()
	key := prefix("pcluster-infra") + "manifest.json"
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(1, len(m.Files)); diff != "" {
		t.Fatal(diff)
	}
	return m
}
