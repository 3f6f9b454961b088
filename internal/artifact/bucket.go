package artifact

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// bucket is one that only its owner, this account, is asked for: a bucket of the
// same name that somebody else made is never written to.
type bucket struct {
	client              *s3.Client
	name, owner, region string
}

// newBucket is the bucket with this name, or the one that is named after account
// and region.
func newBucket(cfg aws.Config, name, account string) bucket {
	return bucket{client: s3.NewFromConfig(cfg), name: cmp.Or(name, BucketName(account, cfg.Region)), owner: account, region: cfg.Region}
}

// BucketName is that of the bucket where nobody names another one.
func BucketName(account, region string) string { return "parascope-" + account + "-" + region }

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)

// CheckBucketName refuses what S3 does not take. An empty name stands for the
// default, which it takes.
func CheckBucketName(name string) error {
	_, notAddress := netip.ParseAddr(name)
	if name == "" || len(name) <= 63 && bucketPattern.MatchString(name) && !strings.Contains(name, "..") && notAddress != nil {
		return nil
	}
	return hint.New(hint.Usage, fmt.Errorf("%q is not a valid S3 bucket name", name),
		"give --bucket 3 to 63 lower-case letters, digits, hyphens and single dots, a letter or digit first and last")
}

func (b bucket) exists(ctx context.Context) (bool, error) {
	out, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name, ExpectedBucketOwner: &b.owner})
	switch status := awserr.Status(err); {
	case err == nil:
		if at := aws.ToString(out.BucketRegion); at != "" && at != b.region {
			return false, b.elsewhere(at)
		}
		return true, nil
	case status == 404:
		return false, nil
	case status == 301:
		return false, b.elsewhere(cmp.Or(regionOf(err), "another region"))
	case status == 403:
		// A HEAD has no body to say why.
		return false, hint.New(hint.Denied, fmt.Errorf("bucket %s belongs to another account, or these credentials cannot access it", b.name),
			"give --bucket another name, or get the permission s3:ListBucket")
	}
	return false, explain("find bucket "+b.name, err)
}

// regionOf is the region that an answer of S3's names when it sends its caller away.
func regionOf(err error) string {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answer.Response == nil {
		return ""
	}
	return answer.Response.Header.Get("X-Amz-Bucket-Region")
}

func (b bucket) elsewhere(region string) error {
	return hint.New(hint.BadInput, fmt.Errorf("bucket %s is in %s, the stack in %s: Lambda loads code only from a bucket in its own "+
		"region", b.name,
		region, b.region),
		"give --bucket the name of a bucket in "+b.region)
}

// create makes the bucket, to be secured at once.
func (b bucket) create(ctx context.Context) error {
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if b.region != "us-east-1" { // the one region that must not be named
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	if _, err := b.client.CreateBucket(ctx, in); err != nil {
		if _, taken := errors.AsType[*types.BucketAlreadyExists](err); taken {
			return hint.New(hint.Denied, fmt.Errorf("bucket name %s is taken by another account", b.name), "give --bucket another name")
		}
		if _, mine := errors.AsType[*types.BucketAlreadyOwnedByYou](err); !mine {
			return explain("create bucket "+b.name, err)
		}
	}
	return nil
}

// finish secures the bucket while it is empty: it is new then, or was left by a run
// that ended too early. How people set up a bucket that they use is theirs to say.
func (b bucket) finish(ctx context.Context) error {
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, ExpectedBucketOwner: &b.owner, MaxKeys: aws.Int32(1)})
	if err != nil {
		return explain("list bucket "+b.name, err)
	}
	if len(out.Contents) > 0 {
		return nil
	}
	return b.secure(ctx)
}

// secure closes the bucket to the public and encrypts it, which AWS does by itself
// for new buckets and we do not leave to chance.
func (b bucket) secure(ctx context.Context) error {
	if _, err := b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &b.name, ExpectedBucketOwner: &b.owner,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true),
			RestrictPublicBuckets: aws.Bool(true),
		},
	}); err != nil {
		return explain("block public access to bucket "+b.name+"", err)
	}
	if _, err := b.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &b.name, ExpectedBucketOwner: &b.owner,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
		}}},
	}); err != nil {
		return explain("encrypt bucket "+b.name, err)
	}
	return nil
}

func (b bucket) holds(ctx context.Context, key string) (bool, error) {
	_, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	switch awserr.Status(err) {
	case 0:
		if err == nil {
			return true, nil
		}
	case 404:
		return false, nil
	}
	return false, explain("find s3://"+b.name+"/"+key, err)
}

func (b bucket) put(ctx context.Context, key string, content []byte) error {
	sum := sha256.Sum256(content)
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, Body: bytes.NewReader(content),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])), ContentType: aws.String("application/zip"),
	})
	if err != nil {
		return explain("upload s3://"+b.name+"/"+key, err)
	}
	return nil
}
