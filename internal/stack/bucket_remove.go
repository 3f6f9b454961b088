package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// functionPrefix begins the keys of all that Package uploads.
const functionPrefix = "grafana-datasource-setup/"

// Removed says what became of the function's bucket.
type Removed struct {
	Name    string
	Existed bool
	Why     string // why it stays; "" when it is gone
}

// RemoveBucket deletes the bucket of the setup function with the functions in it.
// A bucket that holds anything else stays.
func RemoveBucket(ctx context.Context, cfg aws.Config, name string) (Removed, error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Removed{}, explain("ask who is calling", err)
	}
	b := newBucket(cfg, name, aws.ToString(who.Account))
	exists, err := b.exists(ctx)
	if err != nil || !exists {
		return Removed{Name: b.name}, err
	}
	removed := Removed{Name: b.name, Existed: true}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, ExpectedBucketOwner: &b.owner})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return removed, explain("list bucket "+b.name, err)
		}
		for _, o := range page.Contents {
			if !strings.HasPrefix(aws.ToString(o.Key), functionPrefix) {
				removed.Why = fmt.Sprintf("it holds %s, which is not ours", aws.ToString(o.Key))
				return removed, nil
			}
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	for _, key := range keys {
		if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner}); err != nil {
			return removed, explain("delete s3://"+b.name+"/"+key, err)
		}
	}
	if _, err := b.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.name, ExpectedBucketOwner: &b.owner}); err != nil {
		return removed, explain("delete bucket "+b.name, err)
	}
	return removed, nil
}
