package uses_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

var place = uses.Place{Bucket: "parascope-111122223333-us-east-2", Stack: "pcluster-infra"}

var look = uses.Look{Stack: place.Stack, Buckets: []string{place.Bucket}, Everywhere: true}

const (
	artifacts = "parallelcluster-%s-v1-do-not-delete" // one in each region
	script    = "s3://parascope-111122223333-us-east-2/parascope/pcluster-infra/v1/install.sh"
	template  = `{"Parameters": {"ResourcesS3Bucket": {"Type": "String", "Default": ""},
		"ArtifactS3RootDirectory": {"Type": "String", "Default": ""}},
		"Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}`
)

// account is one with a bucket of scripts and ParallelCluster's bucket.
type account struct {
	t   *testing.T
	cfg aws.Config
}

func start(t *testing.T) *account {
	t.Helper()
	a := &account{t: t, cfg: localtest.Start(t, localaws.Options{}).Operator()}
	a.bucket("us-east-2", place.Bucket)
	for _, region := range []string{"us-east-2", "us-west-2", "eu-west-1"} {
		a.bucket(region, fmt.Sprintf(artifacts, region))
	}
	return a
}

// in is S3 in a region.
func (a *account) in(region string) *s3.Client {
	return s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.Region = region })
}

func (a *account) bucket(region, name string) {
	a.t.Helper()
	if _, err := a.in(region).CreateBucket(a.t.Context(), &s3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(region)}}); err != nil {
		a.t.Fatal(err)
	}
}

// cluster makes a cluster's stack, and its configuration unless that is "".
func (a *account) cluster(region, name, configuration string, parameters bool) {
	a.t.Helper()
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(template),
		Tags: []types.Tag{{Key: aws.String("parallelcluster:version"), Value: aws.String("3.16.3")}}}
	bucket, dir := fmt.Sprintf(artifacts, region), "parallelcluster/3.16.3/clusters/"+name+"-0123456789abcdef"
	if parameters {
		in.Parameters = []types.Parameter{{ParameterKey: aws.String("ResourcesS3Bucket"), ParameterValue: &bucket},
			{ParameterKey: aws.String("ArtifactS3RootDirectory"), ParameterValue: &dir}}
	}
	cfg := a.cfg.Copy()
	cfg.Region = region
	if _, err := cloudformation.NewFromConfig(cfg).CreateStack(a.t.Context(), in); err != nil {
		a.t.Fatal(err)
	}
	if configuration == "" {
		return
	}
	if _, err := a.in(region).PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: &bucket,
		Key: aws.String(dir + "/configs/cluster-config.yaml"), Body: strings.NewReader(configuration)}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) find(want ...string) {
	a.t.Helper()
	found, err := uses.Find(a.t.Context(), a.cfg, look)
	if err != nil || len(found.Closed) > 0 {
		a.t.Fatalf("%v, closed %v", err, found.Closed)
	}
	var got []string
	for _, u := range found.Uses {
		got = append(got, u.String())
	}
	if !slices.Equal(got, want) {
		a.t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestFind(t *testing.T) {
	a := start(t)
	a.find()
	a.cluster("us-east-2", "plain", "Scheduling: {Scheduler: slurm}\n", true)
	a.cluster("us-east-2", "others", "Script: s3://parascope-111122223333-us-east-2/parascope/pcluster-infra-2/v1/install.sh\n", true)
	a.find()
	a.cluster("us-east-2", "hpc", "CustomActions: {OnNodeConfigured: {Script: "+script+"}}\n", true)
	a.cluster("eu-west-1", "train", "Script: "+script+"\n", true)
	a.cluster("eu-west-1", "gone", "", true)
	a.cluster("us-west-2", "old", "", false)
	a.cluster("us-west-2", "large", strings.Repeat("#", 1<<20)+"\n", true)
	a.find("cluster gone in eu-west-1: the cluster's configuration cannot be read: NoSuchKey",
		"cluster train in eu-west-1: the cluster's configuration names the install script",
		"cluster hpc in us-east-2: the cluster's configuration names the install script",
		"cluster large in us-west-2: the cluster's configuration cannot be read: s3://parallelcluster-us-west-2-v1-do-not-delete"+
			"/parallelcluster/3.16.3/clusters/large-0123456789abcdef/configs/cluster-config.yaml is larger than 1 MiB",
		"cluster old in us-west-2: the cluster's stack does not have the parameters that name its configuration in S3")
}

var at = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func today() string { return time.Now().UTC().Format(time.DateOnly) }

// record notes that a file names the scripts.
func (a *account) record(p uses.Place, one uses.Attached) {
	a.t.Helper()
	if err := uses.Record(a.t.Context(), a.cfg, p, one); err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) forget(p uses.Place, one uses.Attached) {
	a.t.Helper()
	if err := uses.Forget(a.t.Context(), a.cfg, p, one); err != nil {
		a.t.Fatal(err)
	}
}

// TestRecord: a configuration that was attached counts until it is detached, whether or not its
// cluster exists.
func TestRecord(t *testing.T) {
	a := start(t)
	text := []byte("Script: " + script)
	named := uses.NewAttached("hpc", "us-east-2", "/home/me/cluster-config.yaml", text, at)
	other := uses.NewAttached("hpc", "us-east-2", "/home/me/other.yaml", []byte("# other\n"+string(text)), at)
	nameless := uses.NewAttached("", "eu-west-1", "../my config.yaml", text, at)
	for _, one := range []uses.Attached{named, nameless, named, other} {
		a.record(place, one)
	}
	on := today()
	both := []string{"region eu-west-1: configuration my_config.yaml was attached on " + on + ", and not detached",
		"cluster hpc in us-east-2: configuration cluster-config.yaml was attached on " + on + ", and not detached",
		"cluster hpc in us-east-2: configuration other.yaml was attached on " + on + ", and not detached"}
	a.find(both...)
	// Another file of the same name or of the same cluster is another configuration.
	a.forget(place, uses.NewAttached("", "eu-west-1", "../../my config.yaml", nil, at))
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "third.yaml", nil, at))
	a.find(both...)
	a.forget(place, other)
	a.find(both[:2]...)
	// The file is the same, whatever cluster is named.
	a.forget(place, uses.NewAttached("later", "us-east-2", "../my config.yaml", text, at))
	a.find(both[1])
	a.forget(place, named)
	a.forget(place, named)
	a.forget(uses.Place{Bucket: "no-such-bucket", Stack: place.Stack}, named)
	a.find()
}

// TestRecordOfARenamedFile: the record goes with the detach of what the file is now, and not with that of a copy.
func TestRecordOfARenamedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	a := start(t)
	text := []byte("Script: " + script)
	if err := os.WriteFile("old.yaml", text, 0o600); err != nil {
		t.Fatal(err)
	}
	a.record(place, uses.NewAttached("hpc", "us-east-2", "old.yaml", text, at))
	still := "cluster hpc in us-east-2: configuration old.yaml was attached on " + today() + ", and not detached"
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "new.yaml", text, at))
	a.find(still)
	if err := os.Remove("old.yaml"); err != nil {
		t.Fatal(err)
	}
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "new.yaml", []byte("other text"), at))
	a.forget(place, uses.NewAttached("train", "us-east-2", "new.yaml", text, at))
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "new.yaml", nil, at))
	a.find(still)
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "new.yaml", text, at))
	a.find()
}

// TestRecordOfAnEarlierVersion: it does not say which file it is of, and goes with one of the same name that had the script.
func TestRecordOfAnEarlierVersion(t *testing.T) {
	a := start(t)
	if _, err := a.in("us-east-2").PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket,
		Key: aws.String("parascope/pcluster-infra/attached/us-east-2/cluster-hpc"), Body: strings.NewReader(
			`{"cluster":"hpc","region":"us-east-2","configuration":"cluster-config.yaml","time":"2026-11-29T12:00:00Z"}`)}); err != nil {
		t.Fatal(err)
	}
	still := "cluster hpc in us-east-2: attached on " + today() + ", and not detached"
	text := []byte("Script: " + script)
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "other.yaml", text, at))
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "cluster-config.yaml", nil, at))
	a.find(still)
	a.forget(place, uses.NewAttached("hpc", "us-east-2", "cluster-config.yaml", text, at))
	a.find()
}

// TestWithdraw: a run takes back its own record, and not one that was there.
func TestWithdraw(t *testing.T) {
	a := start(t)
	withdraw := func(one uses.Attached) {
		t.Helper()
		if err := uses.Withdraw(t.Context(), a.cfg, place, one); err != nil {
			t.Fatal(err)
		}
	}
	first := uses.NewAttached("hpc", "us-east-2", "c.yaml", []byte(script), at)
	second := uses.NewAttached("hpc", "us-east-2", "c.yaml", []byte(script), at)
	withdraw(first)
	a.record(place, first)
	a.record(place, second)
	withdraw(second)
	a.find("cluster hpc in us-east-2: configuration c.yaml was attached on " + today() + ", and not detached")
	withdraw(first)
	a.find()
}

// TestOtherBucket: scripts in a bucket that nobody names are found in clusters of the stack's region, and by the
// record in the stack's own bucket; a detach that finds the latter ends both.
func TestOtherBucket(t *testing.T) {
	a := start(t)
	a.bucket("us-east-2", "mine")
	mine := "Script: s3://mine/parascope/pcluster-infra/v1/install.sh\n"
	a.cluster("us-east-2", "hpc", mine, true)
	a.cluster("us-east-2", "others", "Script: s3://mine/parascope/pcluster-infra-2/v1/install.sh\n", true)
	a.cluster("eu-west-1", "train", mine, true) // of another stack of the name, in that region
	runs := "cluster hpc in us-east-2: the cluster's configuration names the install script"
	a.find(runs)
	one := uses.NewAttached("hpc", "us-east-2", "c.yaml", []byte(mine), at)
	there := uses.Place{Bucket: "mine", Stack: place.Stack}
	a.record(there, one)
	a.find(runs)
	one.Bucket = "mine"
	a.record(place, one)
	attached := "cluster hpc in us-east-2: configuration c.yaml was attached on " + today() + ", and not detached"
	a.find(attached, runs)
	both := uses.Look{Stack: place.Stack, Buckets: []string{place.Bucket, "mine", "no-such-bucket"}}
	found, err := uses.Find(t.Context(), a.cfg, both)
	if err != nil || len(found.Uses) != 2 || !slices.Equal(found.Clusters, []string{"hpc", "others"}) {
		t.Errorf("%+v, %v", found, err)
	}
	a.forget(place, one)
	if found, err := uses.Find(t.Context(), a.cfg, both); err != nil || len(found.Uses) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestPlaces(t *testing.T) {
	text := "a: " + script + "\nb: [" + script + ", s3://other/parascope/mine/v2/install.sh]\nc: s3://other/install.sh\n"
	if got := uses.Places([]byte(text)); !slices.Equal(got, []uses.Place{place, {Bucket: "other", Stack: "mine"}}) {
		t.Errorf("%+v", got)
	}
}
