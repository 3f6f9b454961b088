package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/s3"
)

// formation signs as CloudFormation itself does.
var formation = principal.AccessKey{ID: "AKIACLOUDFORMATION", Secret: "s",
	Principal: principal.Principal{ARN: "cloudformation.amazonaws.com"}}

// cloud is S3 behind the gateway; what is in denied nobody may do.
type cloud struct {
	*servicetest.Base
	s3 *s3.S3

	mu     sync.Mutex
	denied []string // "action resource"
	asked  []string
}

func start(t *testing.T, dir string) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir)}
	c.Account()
	c.s3 = check.Must[*s3.S3](t)(s3.New(s3.Options{
		State: c.State, Dir: filepath.Join(dir, "s3"), Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger,
		Taken: func(name string) bool { return strings.HasPrefix(name, "taken-") },
	}))
	c.Serve(gateway.Options{
		Services: []gateway.Service{c.s3.Service()},
		Lookup: func(id string) (principal.AccessKey, bool, error) {
			if id == formation.ID {
				return formation, true, nil
			}
			return c.Keys.Lookup(id)
		},
		Authorize: func(a gateway.Ask) (gateway.Decision, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			what := a.Action + " " + a.Resource
			c.asked = append(c.asked, what)
			return gateway.Decision{Allowed: !slices.Contains(c.denied, what)}, nil
		},
	})
	return c
}

func (c *cloud) client(key principal.AccessKey, region string) *sdk.Client {
	return sdk.NewFromConfig(c.As(key, region), func(o *sdk.Options) { o.UsePathStyle = true })
}

func (c *cloud) operator() *sdk.Client { return c.client(c.Key, "us-east-2") }

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func makeBucket(t *testing.T, client *sdk.Client, name string) {
	t.Helper()
	_, err := client.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-east-2"}})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, client *sdk.Client, bucket, key, body string) {
	t.Helper()
	if _, err := client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func read(t *testing.T, client *sdk.Client, in *sdk.GetObjectInput) (string, *sdk.GetObjectOutput) {
	t.Helper()
	out, err := client.GetObject(t.Context(), in)
	if err != nil {
		t.Fatalf("get %s: %v", *in.Key, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), out
}

func TestWhereBucketsAreMade(t *testing.T) {
	c := start(t, t.TempDir())
	for _, tc := range []struct{ name, region, constraint, code string }{
		{"here", "us-east-2", "us-east-2", ""},
		{"here", "us-east-2", "us-east-2", "BucketAlreadyOwnedByYou"},
		{"nowhere", "us-east-2", "", "IllegalLocationConstraintException"},
		{"elsewhere", "us-east-2", "eu-west-1", "IllegalLocationConstraintException"},
		{"classic", "us-east-1", "", ""},
		{"classic", "us-east-1", "", ""},
		{"classic2", "us-east-1", "us-east-1", "InvalidLocationConstraint"},
		{"global", "us-east-1", "eu-west-1", ""},
		{"taken-by-someone", "us-east-2", "us-east-2", "BucketAlreadyExists"},
		{"Bad_Name", "us-east-2", "us-east-2", "InvalidBucketName"},
	} {
		in := &sdk.CreateBucketInput{Bucket: &tc.name}
		if tc.constraint != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(tc.constraint)}
		}
		if _, err := c.client(c.Key, tc.region).CreateBucket(t.Context(), in); codeOf(err) != tc.code || (err == nil) != (tc.code == "") {
			t.Errorf("%s in %s (%q): %v, want %q", tc.name, tc.region, tc.constraint, err, tc.code)
		}
	}
	location, err := c.operator().GetBucketLocation(t.Context(), &sdk.GetBucketLocationInput{Bucket: aws.String("global")})
	if err != nil || location.LocationConstraint != "eu-west-1" {
		t.Errorf("location %+v, %v", location, err)
	}
	_, err = c.operator().ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("global")})
	if codeOf(err) != "PermanentRedirect" {
		t.Errorf("another region's bucket: %v", err)
	}
	if _, err := c.operator().HeadBucket(t.Context(),
		&sdk.HeadBucketInput{Bucket: aws.String("taken-by-someone")}); codeOf(err) != "Forbidden" {
		t.Errorf("somebody's bucket: %v", err)
	}
	if _, err := c.operator().HeadBucket(t.Context(), &sdk.HeadBucketInput{Bucket: aws.String("none")}); codeOf(err) != "NotFound" {
		t.Errorf("no bucket: %v", err)
	}
}

func TestObjects(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	makeBucket(t, c.operator(), "bin")
	keys := []string{"plain", "a/b c+d/é%2F?.zip", "../../etc/passwd"}
	for _, key := range keys {
		put(t, c.operator(), "bin", key, "body of "+key)
		put(t, c.operator(), "bin", key, "second body of "+key)
	}
	c.Stop()
	c = start(t, dir)
	for _, key := range keys {
		if body, _ := read(t, c.operator(), &sdk.GetObjectInput{Bucket: aws.String("bin"), Key: &key}); body != "second body of "+key {
			t.Errorf("%s: %q", key, body)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "s3", "*"))
	if err != nil || len(files) != len(keys) {
		t.Errorf("files %v, %v: want one for each object", files, err)
	}
	key := "plain"
	part, _ := read(t, c.operator(), &sdk.GetObjectInput{Bucket: aws.String("bin"), Key: &key, Range: aws.String("bytes=7-10")})
	if part != "body" {
		t.Errorf("range: %q", part)
	}
	_, err = c.operator().GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("bin"), Key: &key, Range: aws.String("bytes=700-")})
	if codeOf(err) != "InvalidRange" {
		t.Errorf("range behind the end: %v", err)
	}
	_, err = c.operator().PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("bin"), Key: &key, Body: strings.NewReader("x"),
		IfNoneMatch: aws.String("*")})
	if codeOf(err) != "PreconditionFailed" {
		t.Errorf("if-none-match: %v", err)
	}
	_, err = c.operator().PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("bin"), Key: &key, Body: strings.NewReader("x"),
		ContentMD5: aws.String("XrY7u+Ae7tCTyyK7j1rNww==")})
	if codeOf(err) != "BadDigest" {
		t.Errorf("wrong digest: %v", err)
	}
	_, err = c.operator().DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("bin")})
	if codeOf(err) != "BucketNotEmpty" {
		t.Errorf("delete a full bucket: %v", err)
	}
	deleted, err := c.operator().DeleteObjects(t.Context(),
		&sdk.DeleteObjectsInput{Bucket: aws.String("bin"),
			Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &keys[0]}, {Key: &keys[1]}}}})
	if err != nil || len(deleted.Deleted) != 2 || len(deleted.Errors) != 0 {
		t.Errorf("%+v, %v", deleted, err)
	}
	if _, err := c.operator().DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String("bin"), Key: &keys[2]}); err != nil {
		t.Error(err)
	}
	if _, err := c.operator().DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("bin")}); err != nil {
		t.Error(err)
	}
}

func TestMetadataAndChecksums(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		in := &sdk.PutObjectInput{Bucket: aws.String("bin"), Key: aws.String("k"), Body: strings.NewReader("123456789"),
			ChecksumAlgorithm: algorithm,
			ContentType:       aws.String("application/zip"), Metadata: map[string]string{"who": "me"}}
		if algorithm == "CRC64NVME" {
			in.ChecksumAlgorithm, in.ChecksumCRC64NVME = "", aws.String("rosUhgp5mIg=") // the check value in the catalogue of CRCs
		}
		if _, err := c.operator().PutObject(t.Context(), in); err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		_, out := read(t, c.operator(), &sdk.GetObjectInput{Bucket: in.Bucket, Key: in.Key, ChecksumMode: types.ChecksumModeEnabled})
		got := map[types.ChecksumAlgorithm]*string{"CRC32": out.ChecksumCRC32, "CRC32C": out.ChecksumCRC32C, "CRC64NVME": out.ChecksumCRC64NVME,
			"SHA1": out.ChecksumSHA1, "SHA256": out.ChecksumSHA256}
		if got[algorithm] == nil || aws.ToString(out.ContentType) != "application/zip" || out.Metadata["who"] != "me" {
			t.Errorf("%s: %+v", algorithm, out)
		}
	}
	_, err := c.operator().PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("bin"), Key: aws.String("k"),
		Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String("rosUhgp5mIg=")})
	if codeOf(err) != "BadDigest" {
		t.Errorf("wrong checksum: %v", err)
	}
}

func TestListing(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	for _, key := range []string{"a/1", "a/2", "b", "c/1", "c&<", "d"} {
		put(t, c.operator(), "bin", key, "x")
	}
	var got []string
	pages := sdk.NewListObjectsV2Paginator(c.operator(), &sdk.ListObjectsV2Input{Bucket: aws.String("bin"), Delimiter: aws.String("/"),
		MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() && len(got) < 20 {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"a/", "b", "c&<", "c/", "d"}, got); diff != "" {
		t.Error(diff)
	}
	out, err := c.operator().ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("bin"), Prefix: aws.String("a/"),
		StartAfter: aws.String("a/1"), EncodingType: "url"})
	if err != nil || len(out.Contents) != 1 || *out.Contents[0].Key != "a/2" || *out.KeyCount != 1 || *out.IsTruncated {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestMultipartUpload(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	bucket, key := aws.String("bin"), aws.String("big")
	up, err := c.operator().CreateMultipartUpload(t.Context(),
		&sdk.CreateMultipartUploadInput{Bucket: bucket, Key: key, ContentType: aws.String("application/zip")})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for i, body := range [][]byte{bytes.Repeat([]byte("a"), 5<<20), []byte("end")} {
		n := aws.Int32(int32(i + 1))
		out, err := c.operator().UploadPart(t.Context(), &sdk.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: n,
			Body: bytes.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: n, ETag: out.ETag})
	}
	complete := func(parts ...types.CompletedPart) (*sdk.CompleteMultipartUploadOutput, error) {
		return c.operator().CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{Bucket: bucket, Key: key,
			UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	}
	if _, err := complete(parts[1], parts[0]); codeOf(err) != "EntityTooSmall" && codeOf(err) != "InvalidPartOrder" {
		t.Errorf("wrong order: %v", err)
	}
	large := bytes.Repeat([]byte("b"), 15<<20)
	for n := int32(11); ; n++ {
		if _, err := c.operator().UploadPart(t.Context(), &sdk.UploadPartInput{Bucket: bucket, Key: key, UploadId: up.UploadId,
			PartNumber: aws.Int32(n), Body: bytes.NewReader(large)}); codeOf(err) == "EntityTooLarge" && n == 19 {
			break
		} else if err != nil || n > 19 {
			t.Fatalf("part %d: %v", n, err)
		}
	}
	out, err := complete(parts...)
	if err != nil || !strings.HasSuffix(*out.ETag, `-2"`) {
		t.Fatalf("%+v, %v", out, err)
	}
	if body, head := read(t, c.operator(), &sdk.GetObjectInput{Bucket: bucket, Key: key}); len(body) != 5<<20+3 ||
		*head.ContentType != "application/zip" {
		t.Errorf("%d bytes, %+v", len(body), head)
	}
	if _, err := complete(parts...); codeOf(err) != "NoSuchUpload" {
		t.Errorf("again: %v", err)
	}
	if _, err := c.operator().AbortMultipartUpload(t.Context(),
		&sdk.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: up.UploadId}); codeOf(err) != "NoSuchUpload" {
		t.Errorf("abort what is complete: %v", err)
	}
}

func TestSettings(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	client, bucket := c.operator(), aws.String("bin")
	block, err := client.GetPublicAccessBlock(t.Context(), &sdk.GetPublicAccessBlockInput{Bucket: bucket})
	if err != nil || !*block.PublicAccessBlockConfiguration.BlockPublicPolicy {
		t.Errorf("%+v, %v", block, err)
	}
	if _, err := client.DeletePublicAccessBlock(t.Context(), &sdk.DeletePublicAccessBlockInput{Bucket: bucket}); err != nil {
		t.Error(err)
	}
	if _, err := client.GetPublicAccessBlock(t.Context(),
		&sdk.GetPublicAccessBlockInput{Bucket: bucket}); codeOf(err) != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("deleted block: %v", err)
	}
	if _, err := client.PutBucketVersioning(t.Context(),
		&sdk.PutBucketVersioningInput{Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}}); err != nil {
		t.Error(err)
	}
	if v, err := client.GetBucketVersioning(t.Context(), &sdk.GetBucketVersioningInput{Bucket: bucket}); err != nil || v.Status != "Enabled" {
		t.Errorf("%+v, %v", v, err)
	}
	enc, err := client.GetBucketEncryption(t.Context(), &sdk.GetBucketEncryptionInput{Bucket: bucket})
	if err != nil || enc.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" {
		t.Errorf("%+v, %v", enc, err)
	}
	if _, err := client.GetBucketPolicy(t.Context(), &sdk.GetBucketPolicyInput{Bucket: bucket}); codeOf(err) != "NoSuchBucketPolicy" {
		t.Errorf("no policy: %v", err)
	}
	if _, err := client.PutBucketPolicy(t.Context(),
		&sdk.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String("{}")}); codeOf(err) != "MalformedPolicy" {
		t.Errorf("bad policy: %v", err)
	}
	const policy = `{"Version":"2012-10-17","Statement":[]}`
	if _, err := client.PutBucketPolicy(t.Context(), &sdk.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(policy)}); err != nil {
		t.Error(err)
	}
	if p, err := client.GetBucketPolicy(t.Context(), &sdk.GetBucketPolicyInput{Bucket: bucket}); err != nil || *p.Policy != policy {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := client.PutBucketTagging(t.Context(),
		&sdk.PutBucketTaggingInput{Bucket: bucket,
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}); err != nil {
		t.Error(err)
	}
	if tags, err := client.GetBucketTagging(t.Context(), &sdk.GetBucketTaggingInput{Bucket: bucket}); err != nil || len(tags.TagSet) != 1 ||
		*tags.TagSet[0].Value != "b" {
		t.Errorf("%+v, %v", tags, err)
	}
	if _, err := client.GetBucketAcl(t.Context(), &sdk.GetBucketAclInput{Bucket: bucket}); codeOf(err) != "NotImplemented" {
		t.Errorf("not implemented: %v", err)
	}
}

func TestWhatTheCallerIsAskedFor(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	put(t, c.operator(), "bin", "k/1", "x")
	if diff := cmp.Diff([]string{"s3:CreateBucket arn:aws:s3:::bin", "s3:PutObject arn:aws:s3:::bin/k/1"}, c.asked); diff != "" {
		t.Error(diff)
	}
	get := func(key string) error {
		_, err := c.operator().GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("bin"), Key: &key})
		return err
	}
	if err := get("none"); codeOf(err) != "NoSuchKey" {
		t.Errorf("who may list: %v", err)
	}
	c.denied = []string{"s3:ListBucket arn:aws:s3:::bin", "s3:DeleteObject arn:aws:s3:::bin/k/1"}
	if err := get("none"); codeOf(err) != "AccessDenied" {
		t.Errorf("who may not list: %v", err)
	}
	out, err := c.operator().DeleteObjects(t.Context(),
		&sdk.DeleteObjectsInput{Bucket: aws.String("bin"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k/1")}}}})
	if err != nil || len(out.Errors) != 1 || *out.Errors[0].Code != "AccessDenied" {
		t.Errorf("%+v, %v", out, err)
	}
	if err := get("k/1"); err != nil {
		t.Errorf("what could not be deleted: %v", err)
	}
}

// send makes a request as a client does that has nothing but a presigned URL.
func send(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer)
}

func TestPresignedRequests(t *testing.T) {
	c := start(t, t.TempDir())
	makeBucket(t, c.operator(), "bin")
	signer := sdk.NewPresignClient(c.operator())
	signed, err := signer.PresignPutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("bin"), Key: aws.String("a b")})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := send(t, signed.Method, signed.URL, "hello"); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	signed, err = signer.PresignGetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("bin"), Key: aws.String("a b")})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := send(t, signed.Method, signed.URL, ""); status != http.StatusOK || answer != "hello" {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := send(t, signed.Method, strings.Replace(signed.URL, "a%20b", "other", 1), ""); status != http.StatusForbidden ||
		!strings.Contains(answer, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another key: %d %s", status, answer)
	}
}

func TestAnswersOfCustomResources(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	bucket := s3.ResponseBucket("us-east-2")
	signed, err := sdk.NewPresignClient(c.client(formation, "us-east-2")).PresignPutObject(t.Context(),
		&sdk.PutObjectInput{Bucket: &bucket, Key: aws.String("stack/resource|1")})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := send(t, signed.Method, signed.URL, `{"Status":"SUCCESS"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	c.Stop()
	c = start(t, dir)
	body, found, err := c.s3.Object(bucket, "stack/resource|1")
	if err != nil || !found || string(body) != `{"Status":"SUCCESS"}` {
		t.Errorf("%q %t %v", body, found, err)
	}
	if _, found, err := c.s3.Object(bucket, "other"); found || err != nil {
		t.Errorf("%t %v", found, err)
	}
	_, err = c.operator().GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &bucket, Key: aws.String("stack/resource|1")})
	if codeOf(err) != "AccessDenied" {
		t.Errorf("the account reads AWS's bucket: %v", err)
	}
	_, err = c.operator().CreateBucket(t.Context(),
		&sdk.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-east-2"}})
	if codeOf(err) != "BucketAlreadyExists" {
		t.Errorf("the account makes AWS's bucket: %v", err)
	}
}
