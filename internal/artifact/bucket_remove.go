package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// functionPrefix begins the keys of all that Package uploads: with a stack's name
// behind it of what is that stack's alone.
const functionPrefix = "grafana-datasource-setup/"

// StagePrefix begins the keys of what nodes of clusters fetch; a stack's name is behind it.
const StagePrefix = "parascope/"

// Holding is what a stack has in a bucket: the setup functions that were uploaded for
// it alone, what nodes of its clusters fetch, and the bucket itself where nothing else is in it.
type Holding struct {
	Bucket    string
	Usual     bool     // it has the name of where nobody chooses one
	Exists    bool     // there is such a bucket
	Functions []string // keys of the stack's own
	Staged    []string // keys of what nodes fetch, and of notes about who does
	Stays     string   // why the bucket itself stays; "" where it goes with the functions
	bucket    bucket
}

// Goes reports whether there is anything to delete.
func (h Holding) Goes() bool {
	return h.Exists && (len(h.Functions)+len(h.Staged) > 0 || h.Stays == "")
}

// Usually is the name of the bucket where nobody chooses one.
func (h Holding) Usually() string { return BucketName(h.bucket.owner, h.bucket.region) }

// FindHolding looks into the bucket with this name, "" for the one that is named after
// account and region, for what is the stack's, and deletes nothing.
func FindHolding(ctx context.Context, cfg aws.Config, name, stackName string) (Holding, error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Holding{}, explain("identify the caller", err)
	}
	b := newBucket(cfg, name, aws.ToString(who.Account))
	h := Holding{Bucket: b.name, Usual: b.name == BucketName(b.owner, b.region), bucket: b}
	if h.Exists, err = b.exists(ctx); err != nil || !h.Exists {
		return h, err
	}
	own, staged := functionPrefix+stackName+"/", StagePrefix+stackName+"/"
	for prefix, keys := range map[string]*[]string{own: &h.Functions, staged: &h.Staged} {
		err = b.each(ctx, prefix, func(key string) bool {
			*keys = append(*keys, key)
			return true
		})
		if err != nil {
			return h, err
		}
	}
	err = b.each(ctx, "", func(key string) bool {
		if !strings.HasPrefix(key, own) && !strings.HasPrefix(key, staged) {
			h.Stays = whose(b.name, key)
		}
		return h.Stays == ""
	})
	return h, err
}

// whose says what a key that is not the stack's is in the way for.
func whose(bucket, key string) string {
	if rest, staged := strings.CutPrefix(key, StagePrefix); staged {
		name, _, _ := strings.Cut(rest, "/")
		return fmt.Sprintf("the bucket holds files that clusters of stack %s install; 'parascope down --stack %s' deletes the files "+
			"if no cluster needs them", name, name)
	}
	rest, ours := strings.CutPrefix(key, functionPrefix)
	if !ours {
		return fmt.Sprintf("the bucket holds %s, which parascope did not upload", key)
	}
	if other, _, found := strings.Cut(rest, "/"); found {
		return "the bucket holds the setup function of stack " + other
	}
	return "the bucket holds a setup function that 'parascope package' uploaded, which other stacks may use; if no stack uses it, " +
		"'aws s3 rb --force s3://" +
		bucket + "' deletes it"
}

// each gives the keys that begin so, until more says no.
func (b bucket) each(ctx context.Context, prefix string, more func(key string) bool) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: &b.owner})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain("list bucket "+b.name, err)
		}
		for _, o := range page.Contents {
			if !more(aws.ToString(o.Key)) {
				return nil
			}
		}
	}
	return nil
}

// Delete deletes what was found, and nothing that came later. A bucket that S3 does
// not take for empty stays, and Stays says so then: it may keep versions of objects
// where somebody told it to, which nobody here may list.
func (h *Holding) Delete(ctx context.Context) error {
	b := h.bucket
	for _, key := range slices.Concat(h.Functions, h.Staged) {
		if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner}); err != nil {
			return explain("delete s3://"+b.name+"/"+key, err)
		}
	}
	if h.Stays != "" {
		return nil
	}
	_, err := b.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.name, ExpectedBucketOwner: &b.owner})
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "BucketNotEmpty" {
		h.Stays = "the bucket has new objects, or keeps old versions of objects, which are billed: " +
			"'aws s3api list-object-versions --bucket " + b.name + "' lists the old versions"
		return nil
	}
	if err != nil {
		return explain("delete bucket "+b.name, err)
	}
	return nil
}
