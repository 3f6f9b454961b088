// Package uses finds the clusters that need what is staged for their nodes: ParallelCluster ends
// a node that cannot download a script of its configuration.
package uses

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
)

// Place is where a stack's scripts and programs lie.
type Place struct{ Bucket, Stack string }

// prefix begins the keys of everything that is there.
func (p Place) prefix() string { return artifact.StagePrefix + p.Stack + "/" }

// Use is a cluster that needs the scripts, or may.
type Use struct {
	Region  string `json:"region"`
	Cluster string `json:"cluster,omitempty"` // "": any of the region's, or one that has no name yet
	Why     string `json:"why"`
}

// String is a use in words.
func (u Use) String() string {
	switch {
	case u.Cluster == "" && u.Region == "":
		return u.Why
	case u.Cluster == "":
		return "region " + u.Region + ": " + u.Why
	}
	return "cluster " + u.Cluster + " in " + u.Region + ": " + u.Why
}

const (
	atOnce     = 8                // regions that are asked at the same time
	perRegion  = 20 * time.Second // for all questions to a region
	maxConfig  = 1 << 20          // bytes of a configuration, as ParallelCluster takes them
	versionTag = "parallelcluster:version"
)

// Find looks for uses in all regions that are enabled for the account, and in what attach
// recorded. What cannot be looked at counts as one; a region that a service control policy
// closes has no clusters to look at, and is returned in closed.
func Find(ctx context.Context, cfg aws.Config, p Place) (all []Use, closed []string, err error) {
	out, err := ec2.NewFromConfig(cfg).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, nil, awserr.Explain("list the account's regions", err, awserr.Next{Denied: awserr.WhoAsks})
	}
	if all, err = recorded(ctx, cfg, p); err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, r := range out.Regions {
		there := cfg.Copy()
		there.Region = aws.ToString(r.RegionName)
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			uses, shut := inRegion(ctx, there, p)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, uses...)
			if shut {
				closed = append(closed, there.Region)
			}
		})
	}
	asking.Wait()
	slices.SortFunc(all, func(a, b Use) int {
		return cmp.Or(strings.Compare(a.Region, b.Region), strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Why, b.Why))
	})
	slices.Sort(closed)
	return all, closed, ctx.Err()
}

// inRegion are the uses by a region's clusters.
func inRegion(ctx context.Context, cfg aws.Config, p Place) (all []Use, closed bool) {
	ctx, cancel := context.WithTimeout(ctx, perRegion)
	defer cancel()
	pages := cloudformation.NewDescribeStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if strings.Contains(err.Error(), "service control policy") {
				return all, true
			}
			return append(all, Use{Region: cfg.Region, Why: "the region's clusters could not be listed: " + awserr.Brief(err)}), false
		}
		for _, s := range page.Stacks {
			isCluster := slices.ContainsFunc(s.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == versionTag })
			if !isCluster || s.ParentId != nil {
				continue
			}
			if why := ofCluster(ctx, cfg, s, p); why != "" {
				all = append(all, Use{cfg.Region, aws.ToString(s.StackName), why})
			}
		}
	}
	return all, false
}

// ofCluster says why a cluster needs the scripts, "" where it does not. ParallelCluster keeps the
// configuration where parameters of its stack say (cli/src/pcluster/models/cluster_resources.py).
func ofCluster(ctx context.Context, cfg aws.Config, s types.Stack, p Place) string {
	values := map[string]string{}
	for _, v := range s.Parameters {
		values[aws.ToString(v.ParameterKey)] = aws.ToString(v.ParameterValue)
	}
	bucket, dir := values["ResourcesS3Bucket"], values["ArtifactS3RootDirectory"]
	if bucket == "" || dir == "" {
		return "the cluster's stack does not have the parameters that name its configuration in S3"
	}
	text, err := readConfiguration(ctx, cfg, bucket, dir+"/configs/cluster-config.yaml")
	if err != nil {
		return "the cluster's configuration cannot be read: " + awserr.Brief(err)
	}
	if strings.Contains(text, p.Bucket) && strings.Contains(text, p.prefix()) {
		return "the cluster's configuration names the install script"
	}
	return ""
}

func readConfiguration(ctx context.Context, cfg aws.Config, bucket, key string) (string, error) {
	out, err := s3.NewFromConfig(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(out.Body, maxConfig+1))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return "", err
	}
	if len(b) > maxConfig {
		return "", fmt.Errorf("s3://%s/%s is larger than 1 MiB", bucket, key)
	}
	return string(b), nil
}

var scriptPattern = regexp.MustCompile(`s3://([a-z0-9.-]+)/` + artifact.StagePrefix + `([A-Za-z][A-Za-z0-9-]*)/v[0-9]+/install\.sh`)

// Places are those of all install scripts that a configuration names.
func Places(configuration []byte) (all []Place) {
	for _, m := range scriptPattern.FindAllSubmatch(configuration, -1) {
		if p := (Place{string(m[1]), string(m[2])}); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
