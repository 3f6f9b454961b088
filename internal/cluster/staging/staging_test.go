package staging

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/install"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

const testStack = "pcluster-infra"

const testScript = "s3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh"

// TestAnUpgradeReplacesTheManifestAndNothingElse: the script's key stays, objects that the
// older manifest names stay, a second run uploads nothing, and nodes get a later version
// when they are to.
func TestAnUpgradeReplacesTheManifestAndNothingElse(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	client := s3.NewFromConfig(cfg)
	source := cluster.Source{Script: testScript}
	if err := CheckScript(t.Context(), cfg, source); hint.CodeOf(err) != hint.NotFound {
		t.Errorf("a script that is not there: %v", err)
	}
	first := Stage{Stack: testStack, Version: "v1.0.0",
		Programs: []artifact.Program{{Name: "parascope-node", Architecture: "arm64", Packed: []byte("one")}}}
	done, err := first.Put(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if done.Uploaded != 5 || !done.BucketCreated || done.Script != testScript {
		t.Errorf("staged: %+v", done)
	}
	if diff := cmp.Diff([]string{"parascope-node for amd64", "parascope-nvml for amd64", "parascope-head for amd64",
		"parascope-nvml for arm64", "parascope-head for arm64"}, done.Missing); diff != "" {
		t.Error(diff)
	}
	if err := CheckScript(t.Context(), cfg, source); err != nil {
		t.Error(err)
	}
	if again, err := first.Put(t.Context(), cfg); err != nil || again.Uploaded != 0 || again.BucketCreated {
		t.Errorf("again: %+v, %v", again, err)
	}
	installer := objectAt(t, client, done.Bucket, cluster.ScriptKey(testStack))
	for _, filled := range []string{"bucket='" + done.Bucket + "'", "owner='111122223333'", "region='us-east-2'",
		"prefix='parascope/pcluster-infra/v1/'"} {
		if !bytes.Contains(installer, []byte("\n"+filled+"\n")) {
			t.Errorf("the script lacks %s", filled)
		}
	}
	old := manifest(t, client, done.Bucket)

	second := first
	second.Version, second.Programs = "v1.1.0", []artifact.Program{{Name: "parascope-node", Architecture: "arm64", Packed: []byte("two")}}
	if staged, err := second.Put(t.Context(), cfg); err != nil || staged.Uploaded != 2 || staged.Now.Default != "v1.0.0" {
		t.Errorf("staged: %+v, %v", staged, err)
	}
	second.Move = (*install.Manifest).Upgrade
	if upgraded, err := second.Put(t.Context(), cfg); err != nil || upgraded.Uploaded != 1 || upgraded.Now.Default != "v1.1.0" {
		t.Errorf("the upgrade: %+v, %v", upgraded, err)
	}
	now := manifest(t, client, done.Bucket)
	if now.Default != "v1.1.0" || now.Releases[1].Files[0].Key == old.Releases[0].Files[0].Key {
		t.Errorf("the manifest is %+v", now)
	}
	for _, m := range []install.Manifest{old, now} {
		for _, r := range m.Releases {
			for _, f := range r.Files {
				if got := objectAt(t, client, done.Bucket, f.Key); len(got) != f.Bytes {
					t.Errorf("%s has %d bytes", f.Key, len(got))
				}
			}
		}
	}
	if diff := cmp.Diff(string(installer), string(objectAt(t, client, done.Bucket, cluster.ScriptKey(testStack)))); diff != "" {
		t.Errorf("the upgrade changed the script: %s", diff)
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
	before, err := s.read(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.put(t.Context(), "k", []byte("theirs"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.replace(t.Context(), "k", before, []byte("ours")); hint.CodeOf(err) != hint.Busy {
		t.Errorf("over what was not seen: %v", err)
	}
	seen, err := s.read(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.replace(t.Context(), "k", seen, []byte("ours")); n != 1 || err != nil {
		t.Errorf("replace what was seen: %d, %v", n, err)
	}
	if _, err := s.replace(t.Context(), "k", seen, []byte("ours again")); hint.CodeOf(err) != hint.Busy {
		t.Errorf("over what was changed since: %v", err)
	}
}

func objectAt(t *testing.T, client *s3.Client, bucket, key string) []byte {
	t.Helper()
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func manifest(t *testing.T, client *s3.Client, bucket string) install.Manifest {
	t.Helper()
	m, err := install.ParseManifest(string(objectAt(t, client, bucket, prefix(testStack)+"manifest")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
