package artifact_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/artifact/deployertest"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const defaultBucket = "parascope-111122223333-us-east-2"

func TestPackage(t *testing.T) {
	deployertest.NeedFunction(t)
	a := deployertest.Start(t, localaws.Options{})
	_, err := a.Package(t, artifact.PackageOptions{})
	deployertest.CheckError(t, err, hint.NotFound, "bucket "+defaultBucket+" does not exist",
		"--create-bucket creates the bucket, private and encrypted",
		"--bucket NAME selects another bucket in us-east-2")

	first, err := a.Package(t, artifact.PackageOptions{CreateBucket: true})
	check.OK(t, err)
	if !first.BucketCreated || !first.Uploaded || first.Bucket != defaultBucket {
		t.Errorf("first: created %v, uploaded %v to %+v", first.BucketCreated, first.Uploaded, first.Place)
	}
	client := s3.NewFromConfig(a.Operator)
	object, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &first.Bucket, Key: &first.Key})
	check.OK(t, err)
	before := *object.LastModified

	second, err := a.Package(t, artifact.PackageOptions{CreateBucket: true})
	check.OK(t, err)
	if second.BucketCreated || second.Uploaded || second.Place != first.Place {
		t.Errorf("second: created %v, uploaded %v to %+v", second.BucketCreated, second.Uploaded, second.Place)
	}
	object, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &first.Bucket, Key: &first.Key})
	if err != nil || !object.LastModified.Equal(before) {
		t.Errorf("uploaded again: %v, %v", object.LastModified, err)
	}
}

func TestBucketIsPrivateAndEncrypted(t *testing.T) {
	deployertest.NeedFunction(t)
	a := deployertest.Start(t, localaws.Options{})
	done, err := a.Package(t, artifact.PackageOptions{CreateBucket: true, Bucket: "parascope-mine"})
	check.OK(t, err)
	if done.Bucket != "parascope-mine" {
		t.Errorf("the bucket is %s", done.Bucket)
	}
	client := s3.NewFromConfig(a.Operator)
	access, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &done.Bucket})
	check.OK(t, err)
	if c := access.PublicAccessBlockConfiguration; !*c.BlockPublicAcls || !*c.BlockPublicPolicy || !*c.IgnorePublicAcls ||
		!*c.RestrictPublicBuckets {
		t.Errorf("public access: %+v", c)
	}
	encryption, err := client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &done.Bucket})
	check.OK(t, err)
	if got := encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm; got !=
		types.ServerSideEncryptionAes256 {
		t.Errorf("encryption: %s", got)
	}
}

// cutOff loses the connection when the query of a request begins so; it counts the
// others of that kind.
type cutOff struct {
	query string
	times int // how often it still does so
	asked map[string]int
}

func (c *cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.times > 0 && r.Method == http.MethodPut && strings.HasPrefix(r.URL.RawQuery, c.query) {
		c.times--
		return nil, errors.New("the connection is gone")
	}
	if r.Method == http.MethodPut && r.URL.RawQuery != "" {
		query, _, _ := strings.Cut(r.URL.RawQuery, "&")
		c.asked[strings.TrimSuffix(query, "=")]++
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestBucketThatIsHalfMade: the next run finishes what one that was cut off began,
// and leaves a bucket alone that is in use.
func TestBucketThatIsHalfMade(t *testing.T) {
	deployertest.NeedFunction(t)
	for _, at := range []string{"publicAccessBlock", "encryption"} {
		t.Run(at, func(t *testing.T) {
			a := deployertest.Start(t, localaws.Options{})
			transport := &cutOff{query: at, times: 3, asked: map[string]int{}}
			a.Deployer.HTTPClient = &http.Client{Transport: transport}
			if _, err := a.Package(t, artifact.PackageOptions{CreateBucket: true}); err == nil ||
				!strings.Contains(err.Error(), "bucket "+defaultBucket) {
				t.Fatalf("%v", err)
			}
			transport.times, transport.asked = 0, map[string]int{}
			if again, err := a.Package(t, artifact.PackageOptions{CreateBucket: true}); err != nil || again.BucketCreated || !again.Uploaded {
				t.Errorf("%+v, %v", again.Place, err)
			}
			if diff := cmp.Diff(map[string]int{"publicAccessBlock": 1, "encryption": 1, "x-id=PutObject": 1}, transport.asked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, err := a.Package(t, artifact.PackageOptions{CreateBucket: true}); err != nil || transport.asked["encryption"] != 1 {
				t.Errorf("a bucket in use: %v, %v", transport.asked, err)
			}
		})
	}
}

// TestBucketThatCannotBeReached is told with what was being done.
func TestBucketThatCannotBeReached(t *testing.T) {
	deployertest.NeedFunction(t)
	a := deployertest.Start(t, localaws.Options{})
	_, err := a.Package(t, artifact.PackageOptions{CreateBucket: true})
	check.OK(t, err)
	a.Deployer.HTTPClient = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, ".zip") {
			return nil, errors.New("the connection is gone")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	if _, err := a.Package(t, artifact.PackageOptions{}); err == nil ||
		!strings.HasPrefix(err.Error(), "could not find s3://"+defaultBucket+"/grafana-datasource-setup/") {
		t.Errorf("%v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestBucketNamesAreRefusedBeforeAnythingIsMade: S3 refuses them later.
func TestBucketNamesAreRefusedBeforeAnythingIsMade(t *testing.T) {
	a := deployertest.Start(t, localaws.Options{})
	for _, name := range []string{"UPPER", "ab", strings.Repeat("b", 64), "a..b", "-a-", "under_score", "10.0.0.1"} {
		_, err := a.Package(t, artifact.PackageOptions{Bucket: name, CreateBucket: true})
		deployertest.CheckError(t, err, hint.Usage, "is not a valid S3 bucket name", "--bucket 3 to 63")
	}
}

// TestBucketThatCannotBeUsed: nothing is written to a bucket that is not ours or
// not of the region, and the words say which.
func TestBucketThatCannotBeUsed(t *testing.T) {
	deployertest.NeedFunction(t)
	a := deployertest.Start(t, localaws.Options{S3: localaws.S3{
		Taken: func(name string) bool { return strings.HasPrefix(name, "parascope-of-another") },
	}})
	far := a.Operator.Copy()
	far.Region = "eu-west-1"
	_, err := s3.NewFromConfig(far).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("parascope-far"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	check.OK(t, err)
	for _, create := range []bool{false, true} {
		_, err = a.Package(t, artifact.PackageOptions{Bucket: "parascope-far", CreateBucket: create})
		deployertest.CheckError(t, err, hint.BadInput, "bucket parascope-far is in eu-west-1, the stack in us-east-2",
			"--bucket the name of a bucket in us-east-2")
		_, err = a.Package(t, artifact.PackageOptions{Bucket: "parascope-of-another", CreateBucket: create})
		deployertest.CheckError(t, err, hint.Denied,
			"bucket parascope-of-another belongs to another account, or these credentials cannot access it",
			"--bucket another name", "s3:ListBucket")
		_, err = a.Package(t, artifact.PackageOptions{Bucket: "not-named-as-the-policy-says", CreateBucket: create})
		deployertest.CheckError(t, err, hint.Denied, "belongs to another account, or these credentials cannot access it")
	}
	_, err = a.Package(t, artifact.PackageOptions{Bucket: "parascope-mine", CreateBucket: true})
	check.OK(t, err)
}

func TestUnknownArchitecture(t *testing.T) {
	a := deployertest.Start(t, localaws.Options{})
	_, err := artifact.Package(t.Context(), a.Deployer, artifact.PackageOptions{Architecture: "mips"}, func(string) {})
	deployertest.CheckError(t, err, hint.Usage, `unknown architecture "mips"`, "arm64 or x86_64")
}

// TestHolding: what goes with a stack is its own, and the bucket only where nothing
// else is in it.
func TestHolding(t *testing.T) {
	deployertest.NeedFunction(t)
	a := deployertest.Start(t, localaws.Options{})
	find := func(stackName string) artifact.Holding {
		t.Helper()
		h, err := artifact.FindHolding(t.Context(), a.Operator, "", stackName)
		check.OK(t, err)
		return h
	}
	if got := find("one"); got.Exists || got.Goes() || got.Bucket != defaultBucket || !got.Usual {
		t.Errorf("there is none: %+v", got)
	}
	one, err := a.Package(t, artifact.PackageOptions{CreateBucket: true, Stack: "one"})
	check.OK(t, err)
	client := s3.NewFromConfig(a.Operator)
	for _, foreign := range []struct{ key, why string }{
		{"z/thesis.tex", "the bucket holds z/thesis.tex, which parascope did not upload"},
		{"grafana-datasource-setup/one-more/ab-arm64.zip", "the bucket holds the setup function of stack one-more"},
		{"grafana-datasource-setup/ab-arm64.zip", "the bucket holds a setup function that 'parascope package' uploaded, which other " +
			"stacks may use"},
	} {
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &one.Bucket, Key: &foreign.key, Body: strings.NewReader("years")})
		check.OK(t, err)
		if got := find("nope"); got.Goes() || !strings.Contains(got.Stays, "the bucket holds ") {
			t.Errorf("another stack's: %+v", got)
		}
		got := find("one")
		if !got.Goes() || !strings.HasPrefix(got.Stays, foreign.why) || len(got.Functions) != 1 {
			t.Errorf("with %s: %+v", foreign.key, got)
		}
		check.OK(t, got.Delete(t.Context()))
		if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &one.Bucket, Key: &foreign.key}); err != nil {
			t.Errorf("%s: %v", foreign.key, err)
		}
		_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &one.Bucket, Key: &foreign.key})
		check.OK(t, err)
		again, err := a.Package(t, artifact.PackageOptions{CreateBucket: true, Stack: "one"})
		if err != nil || !again.Uploaded || again.BucketCreated {
			t.Errorf("packaged again: %+v, %v", again.Place, err)
		}
	}
	// What comes after the look stays, and the bucket with it.
	late := find("one")
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &one.Bucket, Key: aws.String("late"), Body: strings.NewReader("years")})
	check.OK(t, err)
	check.OK(t, late.Delete(t.Context()))
	if !strings.HasPrefix(late.Stays, "the bucket has new objects") {
		t.Errorf("something came: %+v", late)
	}
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &one.Bucket, Key: aws.String("late")})
	check.OK(t, err)
	empty := find("one")
	if !empty.Goes() || empty.Stays != "" {
		t.Errorf("empty: %+v", empty)
	}
	check.OK(t, empty.Delete(t.Context()))
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &one.Bucket}); err == nil {
		t.Error("the bucket is still there")
	}
}
