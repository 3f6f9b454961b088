// Package uses finds the clusters that need what is staged for their nodes: ParallelCluster ends
// a node that cannot download a script of its configuration.
package uses

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/lookup"
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
	Record  string `json:"record,omitempty"` // address of what attach recorded; "": the use is a cluster's that exists
	Unsure  bool   `json:"-"`                // it could not be looked at
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
	versionTag = "parallelcluster:version"
)

// Look says where to look for uses of a stack's scripts.
type Look struct {
	Stack   string
	Buckets []string // that may hold the stack's scripts, and what attach recorded; they need not exist
	// Everywhere is in all regions that are enabled for the account, and otherwise in the stack's alone.
	Everywhere bool
}

// Found is what was found of clusters.
type Found struct {
	Uses     []Use
	Closed   []string // regions that a service control policy closes: they have no clusters to look at
	Clusters []string // names of all clusters, whatever they need
}

// Find looks for uses in the configurations of clusters, and in what attach recorded. In the stack's
// region, which is cfg's, any bucket counts that has scripts of a stack of the name. What cannot be looked at
// counts as a use.
func Find(ctx context.Context, cfg aws.Config, l Look) (found Found, err error) {
	regions := []string{cfg.Region}
	if l.Everywhere {
		out, err := ec2.NewFromConfig(cfg).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		if err != nil {
			return found, awserr.Explain("list the account's regions", err, awserr.Next{Denied: awserr.WhoAsks})
		}
		regions = nil
		for _, r := range out.Regions {
			regions = append(regions, aws.ToString(r.RegionName))
		}
	}
	if found.Uses, err = l.recorded(ctx, cfg); err != nil {
		return found, err
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, region := range regions {
		there := cfg.Copy()
		there.Region = region
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			one := l.inRegion(ctx, there, region == cfg.Region)
			mu.Lock()
			defer mu.Unlock()
			found.Uses, found.Closed = append(found.Uses, one.Uses...), append(found.Closed, one.Closed...)
			found.Clusters = append(found.Clusters, one.Clusters...)
		})
	}
	asking.Wait()
	sort.Slice(found.Uses, func(i, j int) bool { // slices.SortFunc adds 15 kB for this type
		a, b := found.Uses[i], found.Uses[j]
		return cmp.Or(strings.Compare(a.Region, b.Region), strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Why, b.Why)) < 0
	})
	slices.Sort(found.Closed)
	slices.Sort(found.Clusters)
	return found, ctx.Err()
}

// recorded are the notes in all buckets. A file that is noted in two of them is one use.
func (l Look) recorded(ctx context.Context, cfg aws.Config) (all []Use, err error) {
	known := map[string]bool{}
	for _, bucket := range l.Buckets {
		some, err := recorded(ctx, cfg, Place{bucket, l.Stack})
		if err != nil {
			return nil, err
		}
		for _, u := range some {
			if key := strings.TrimPrefix(u.Record, "s3://"+bucket); !known[key] {
				known[key] = true
				all = append(all, u)
			}
		}
	}
	return all, nil
}

// inRegion are the uses by a region's clusters.
func (l Look) inRegion(ctx context.Context, cfg aws.Config, own bool) (found Found) {
	ctx, cancel := context.WithTimeout(ctx, perRegion)
	defer cancel()
	pages := cloudformation.NewDescribeStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if strings.Contains(err.Error(), "service control policy") {
				found.Closed = []string{cfg.Region}
				return found
			}
			found.Uses = append(found.Uses, Use{Region: cfg.Region, Why: "the region's clusters could not be listed: " + awserr.Brief(err),
				Unsure: true})
			return found
		}
		for _, s := range page.Stacks {
			isCluster := slices.ContainsFunc(s.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == versionTag })
			if !isCluster || s.ParentId != nil {
				continue
			}
			name := aws.ToString(s.StackName)
			found.Clusters = append(found.Clusters, name)
			if why, unsure := l.ofCluster(ctx, cfg, s, own); why != "" {
				found.Uses = append(found.Uses, Use{Region: cfg.Region, Cluster: name, Why: why, Unsure: unsure})
			}
		}
	}
	return found
}

// ofCluster says why a cluster needs the scripts, "" where it does not.
func (l Look) ofCluster(ctx context.Context, cfg aws.Config, s types.Stack, own bool) (why string, unsure bool) {
	at := lookup.DeployedAt(s.Parameters)
	if at.Bucket == "" {
		return "the cluster's stack does not have the parameters that name its configuration in S3", true
	}
	read, err := at.Read(ctx, cfg)
	if err != nil {
		return "the cluster's configuration cannot be read: " + awserr.Brief(err), true
	}
	text := string(read)
	prefix := Place{Stack: l.Stack}.prefix()
	names := func(bucket string) bool { return strings.Contains(text, bucket) }
	if strings.Contains(text, prefix) && (own && strings.Contains(text, "/"+prefix+"v") || slices.ContainsFunc(l.Buckets, names)) {
		return "the cluster's configuration names the install script", false
	}
	return "", false
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
