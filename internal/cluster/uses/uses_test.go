package uses_test

import (
	"fmt"
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
	all, closed, err := uses.Find(a.t.Context(), a.cfg, place)
	if err != nil || len(closed) > 0 {
		a.t.Fatalf("%v, closed %v", err, closed)
	}
	var got []string
	for _, u := range all {
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

// TestRecord: a configuration that was attached counts until it is detached, whether or not its
// cluster exists.
func TestRecord(t *testing.T) {
	a := start(t)
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	named := uses.NewAttached("hpc", "us-east-2", "/home/me/cluster-config.yaml", at)
	nameless := uses.NewAttached("", "eu-west-1", "../my config.yaml", at)
	for _, one := range []uses.Attached{named, nameless, named} {
		if err := uses.Record(t.Context(), a.cfg, place, one); err != nil {
			t.Fatal(err)
		}
	}
	all, _, err := uses.Find(t.Context(), a.cfg, place)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0].Cluster != "" || all[0].Region != "eu-west-1" ||
		!strings.HasPrefix(all[0].Why, "configuration my_config.yaml was attached on ") ||
		all[1].Cluster != "hpc" || all[1].Region != "us-east-2" || !strings.HasSuffix(all[1].Why, ", and not detached") {
		t.Errorf("%+v", all)
	}
	// Another file of the same name is another configuration.
	if err := uses.Forget(t.Context(), a.cfg, place, uses.NewAttached("", "eu-west-1", "../../my config.yaml", at)); err != nil {
		t.Fatal(err)
	}
	if all, _, err := uses.Find(t.Context(), a.cfg, place); err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, one := range []uses.Attached{named, nameless, named} {
		if err := uses.Forget(t.Context(), a.cfg, place, one); err != nil {
			t.Fatal(err)
		}
	}
	a.find()
}

func TestPlaces(t *testing.T) {
	text := "a: " + script + "\nb: [" + script + ", s3://other/parascope/mine/v2/install.sh]\nc: s3://other/install.sh\n"
	if got := uses.Places([]byte(text)); !slices.Equal(got, []uses.Place{place, {Bucket: "other", Stack: "mine"}}) {
		t.Errorf("%+v", got)
	}
}
