package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
)

// Object is one in S3, of a bounded size.
type Object struct{ Bucket, Key string }

// DeployedAt is where ParallelCluster keeps a cluster's configuration, as parameters of the cluster's stack
// say (cli/src/pcluster/models/cluster_resources.py); empty where they do not.
func DeployedAt(parameters []types.Parameter) Object {
	values := map[string]string{}
	for _, v := range parameters {
		values[aws.ToString(v.ParameterKey)] = aws.ToString(v.ParameterValue)
	}
	bucket, dir := values["ResourcesS3Bucket"], values["ArtifactS3RootDirectory"]
	if bucket == "" || dir == "" {
		return Object{}
	}
	return Object{bucket, dir + "/configs/cluster-config.yaml"}
}

// Deployed is the configuration that a cluster runs with; nil where it is not known.
type Deployed struct{ head, login *yaml.Node }

// maxConfiguration is the size in bytes of a configuration, as ParallelCluster takes it.
const maxConfiguration = 1 << 20

// Deployed reads the configuration that the cluster runs with.
func (c Cluster) Deployed(ctx context.Context, cfg aws.Config) (*Deployed, error) {
	if c.deployed.Bucket == "" {
		return nil, errors.New("the cluster's stack does not have the parameters that name it")
	}
	text, err := c.deployed.Read(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return ReadDeployed(c.deployed.String(), text)
}

func (o Object) String() string { return "s3://" + o.Bucket + "/" + o.Key }

// Read reads the object, up to the size of a configuration.
func (o Object) Read(ctx context.Context, cfg aws.Config) ([]byte, error) {
	out, err := s3.NewFromConfig(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(out.Body, maxConfiguration+1))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxConfiguration {
		return nil, fmt.Errorf("%s is larger than 1 MiB", o)
	}
	return text, nil
}

// ReadDeployed reads a configuration's text.
func ReadDeployed(name string, text []byte) (*Deployed, error) {
	d, err := document.Parse(name, text)
	if err != nil {
		return nil, err
	}
	head := document.Get(d.Root, "HeadNode")
	if head == nil {
		return nil, fmt.Errorf("%s has no HeadNode", name)
	}
	return &Deployed{head, document.Get(d.Root, "LoginNodes", "Pools")}, nil
}

// HeadConfigured reports whether the head node runs a script as OnNodeConfigured.
func (d *Deployed) HeadConfigured(script string) bool { return configured(d.head, script) }

// Pool reports whether there is a login pool, and whether it runs a script as OnNodeConfigured.
func (d *Deployed) Pool(name, script string) (exists, runs bool) {
	if d.login == nil || d.login.Kind != yaml.SequenceNode {
		return false, false
	}
	for _, pool := range d.login.Content {
		pool = document.Follow(pool)
		if n := document.Get(pool, "Name"); n != nil && n.Value == name {
			return true, configured(pool, script)
		}
	}
	return false, false
}

func configured(node *yaml.Node, script string) bool {
	hook := document.Get(node, "CustomActions", "OnNodeConfigured")
	all := []*yaml.Node{hook}
	if sequence := document.Get(hook, "Sequence"); sequence != nil && sequence.Kind == yaml.SequenceNode {
		all = append(all, sequence.Content...)
	}
	for _, entry := range all {
		if url := document.Get(document.Follow(entry), "Script"); url != nil && url.Value == script {
			return true
		}
	}
	return false
}
