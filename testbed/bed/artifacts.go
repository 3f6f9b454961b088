//go:build linux

package bed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ParallelCluster keeps a cluster's configuration in a bucket of the region, below a folder that
// parameters of the cluster's stack name.

// artifacts are where a cluster's configuration is.
func (c *Cloud) artifacts(cl *cluster) (bucket, dir string) {
	sum := sha256.Sum256([]byte(account + c.Config.Region))
	own := sha256.Sum256([]byte(cl.name))
	return "parallelcluster-" + hex.EncodeToString(sum[:8]) + "-v1-do-not-delete",
		"parallelcluster/" + cl.version + "/clusters/" + cl.name + "-" + hex.EncodeToString(own[:8])
}

func (c *Cloud) objects() *s3.Client {
	return s3.NewFromConfig(c.Config, func(o *s3.Options) { o.UsePathStyle = true })
}

// keepConfiguration uploads the configuration as it is now.
func (c *Cloud) keepConfiguration(ctx context.Context, cl *cluster) error {
	bucket, dir := c.artifacts(cl)
	_, err := c.objects().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(c.Config.Region)}})
	if err != nil && !errors.As(err, new(*types.BucketAlreadyOwnedByYou)) {
		return fmt.Errorf("make ParallelCluster's bucket: %w", err)
	}
	if _, err := c.objects().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(dir + "/configs/cluster-config.yaml"),
		Body: bytes.NewReader(cl.text)}); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	return nil
}

// forgetConfiguration deletes it, as ParallelCluster does with the cluster.
func (c *Cloud) forgetConfiguration(ctx context.Context, cl *cluster) error {
	bucket, dir := c.artifacts(cl)
	if _, err := c.objects().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket,
		Key: aws.String(dir + "/configs/cluster-config.yaml")}); err != nil {
		return fmt.Errorf("delete the configuration: %w", err)
	}
	return nil
}
