package artifact

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// PackageOptions say what to upload and where to.
type PackageOptions struct {
	Architecture Architecture
	Bucket       string // "": parascope-ACCOUNT-REGION
	CreateBucket bool   // make it when it is not there, and finish what an earlier run began to make
	Stack        string // the only stack that uses the upload; "": any stack may
}

// Place is where the setup function lies and what it was built for.
type Place struct {
	Bucket       string
	Key          string
	Architecture Architecture
}

// Packaged is what Package did.
type Packaged struct {
	Place
	BucketCreated bool
	Uploaded      bool // false: the very same function lay there already
}

// Locate says where Package would put the setup function, and makes nothing. A bucket
// that somebody else has, or that is in another region, is an error.
func Locate(ctx context.Context, cfg aws.Config, o PackageOptions) (Place, error) {
	f, err := LoadFunction(o.Architecture)
	if err != nil {
		return Place{}, err
	}
	if err := CheckBucketName(o.Bucket); err != nil {
		return Place{}, err
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Place{}, explain("identify the caller", err)
	}
	b := newBucket(cfg, o.Bucket, aws.ToString(who.Account))
	if _, err := b.exists(ctx); err != nil {
		return Place{}, err
	}
	return Place{Bucket: b.name, Key: f.Key(o.Stack), Architecture: f.Architecture}, nil
}

// UsualBucket is the bucket of the caller's account and cfg's region where nobody names another one.
func UsualBucket(ctx context.Context, cfg aws.Config) (string, error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", explain("identify the caller", err)
	}
	return BucketName(aws.ToString(who.Account), cfg.Region), nil
}

// Package puts the setup function into a bucket of the configuration's region,
// where CloudFormation needs it. It reports each step before it begins.
func Package(ctx context.Context, cfg aws.Config, o PackageOptions, report func(doing string)) (Packaged, error) {
	f, err := LoadFunction(o.Architecture)
	if err != nil {
		return Packaged{}, err
	}
	b, created, err := openBucket(ctx, cfg, o.Bucket, o.CreateBucket, report)
	if err != nil {
		return Packaged{}, err
	}
	done := Packaged{Place: Place{Bucket: b.name, Key: f.Key(o.Stack), Architecture: f.Architecture}, BucketCreated: created}
	there, err := b.holds(ctx, done.Key)
	if err != nil {
		return Packaged{}, err
	}
	if !there {
		report(fmt.Sprintf("uploading the setup function (%.1f MB)", float64(len(f.Zip))/1e6))
		if err := b.put(ctx, done.Key, f.Zip); err != nil {
			return Packaged{}, err
		}
		done.Uploaded = true
	}
	return done, nil
}

// Bucket is one of this account's, in the configuration's region.
type Bucket struct {
	Name, Owner string
	Created     bool
}

// OpenBucket finds the bucket of this name, or the usual one, and makes it, private and
// encrypted, when it does not exist.
func OpenBucket(ctx context.Context, cfg aws.Config, name string) (Bucket, error) {
	b, created, err := openBucket(ctx, cfg, name, true, func(string) {})
	return Bucket{Name: b.name, Owner: b.owner, Created: created}, err
}

func openBucket(ctx context.Context, cfg aws.Config, name string, create bool, report func(doing string)) (b bucket, created bool,
	err error) {
	if err := CheckBucketName(name); err != nil {
		return b, false, err
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return b, false, explain("identify the caller", err)
	}
	b = newBucket(cfg, name, aws.ToString(who.Account))
	report("looking for bucket " + b.name)
	exists, err := b.exists(ctx)
	if err != nil {
		return b, false, err
	}
	if !exists {
		if !create {
			return b, false, hint.New(hint.NotFound, fmt.Errorf("bucket %s does not exist", b.name),
				"--create-bucket creates the bucket, private and encrypted; --bucket NAME selects another bucket in "+b.region)
		}
		report("creating bucket " + b.name)
		if err := b.create(ctx); err != nil {
			return b, false, err
		}
		created = true
	}
	if create {
		err = b.finish(ctx)
	}
	return b, created, err
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks})
}
