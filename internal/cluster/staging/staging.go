// Package staging puts what nodes install where they fetch it: the install script, the
// programs, and the manifest that names them.
package staging

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/install"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// Stage is what to put where nodes fetch it.
type Stage struct {
	Stack    string
	Bucket   string // "": the usual one
	Version  string // of this build, as install.Version makes it
	Programs []artifact.Program
	// Move says which nodes are to have what; nil: install.Manifest.Stage.
	Move func(*install.Manifest, install.Release) error
	// Replace has other exporters and another Prometheus on nodes stopped; nil leaves it as it is.
	Replace *bool
	// Restrict has the bucket's policy keep everybody but the caller from writing there; nil: unless it
	// keeps everybody but somebody from it already, or the caller may not write it.
	Restrict *bool
}

// Staged is what Stage.Put did.
type Staged struct {
	Bucket        string           `json:"bucket"`
	BucketCreated bool             `json:"bucketCreated"`
	Script        string           `json:"script"` // address
	Manifest      string           `json:"manifest"`
	Version       string           `json:"version"`
	Uploaded      int              `json:"uploaded"`               // objects; 0: everything was there
	Writer        string           `json:"writer,omitempty"`       // who alone may write there
	Unrestricted  string           `json:"unrestricted,omitempty"` // why the bucket's policy does not say who
	Missing       []string         `json:"missing"`                // programs that this build does not carry
	Now           install.Manifest `json:"now"`
}

// prefix is below which everything of a stack's nodes lies.
func prefix(stackName string) string {
	return strings.TrimSuffix(cluster.ScriptKey(stackName), "install.sh")
}

// Put uploads the programs, then the manifest that names them, then the script: a node
// never reads a name of what is not there. Objects that an older manifest names stay, since
// a node may be about to fetch them. Somebody else who stages at the same time is
// noticed, and wins: exit code Busy.
func (s Stage) Put(ctx context.Context, cfg aws.Config) (Staged, error) {
	workspace, err := readWorkspace(ctx, cfg, s.Stack)
	if err != nil {
		return Staged{}, err
	}
	b, err := artifact.OpenBucket(ctx, cfg, s.Bucket)
	if err != nil {
		return Staged{}, err
	}
	done := Staged{Bucket: b.Name, BucketCreated: b.Created, Version: s.Version, Script: cluster.ScriptURL(b.Name, s.Stack),
		Missing: missing(s.Programs)}
	place := install.Place{Bucket: b.Name, Owner: b.Owner, Region: cfg.Region, Prefix: prefix(s.Stack)}
	done.Manifest = "s3://" + b.Name + "/" + place.ManifestKey()
	store := store{client: s3.NewFromConfig(cfg), bucket: b.Name, owner: b.Owner}
	old, err := store.read(ctx, place.ManifestKey())
	if err != nil {
		return done, err
	}
	if done.Now, err = old.manifest(done.Manifest); err != nil {
		return done, err
	}
	var programs []install.Program
	for _, p := range s.Programs {
		programs = append(programs, install.Program(p))
	}
	release, objects := place.Release(s.Version, programs)
	if s.Move == nil {
		done.Now.Stage(release)
	} else if err := s.Move(&done.Now, release); err != nil {
		return done, err
	}
	if workspace.RemoteWrite != "" {
		done.Now.Workspace = workspace
	}
	if s.Replace != nil {
		done.Now.Replace = *s.Replace
	}
	if done.Now.Has(s.Version) {
		for i, f := range release.Files {
			uploaded, err := store.add(ctx, f.Key, objects[i])
			if err != nil {
				return done, err
			}
			done.Uploaded += uploaded
		}
	}
	uploaded, err := store.replace(ctx, place.ManifestKey(), old, []byte(done.Now.Text()))
	if err != nil {
		return done, err
	}
	done.Uploaded += uploaded
	has, err := store.read(ctx, cluster.ScriptKey(s.Stack))
	if err != nil {
		return done, err
	}
	uploaded, err = store.replace(ctx, cluster.ScriptKey(s.Stack), has, place.Script())
	done.Uploaded += uploaded
	if err != nil {
		return done, err
	}
	done.Writer, done.Unrestricted, err = s.keepOthersOut(ctx, cfg, store)
	return done, err
}

// missing are the programs that nodes may ask for and that are not there.
func missing(programs []artifact.Program) []string {
	all := []string{}
	for _, architecture := range artifact.NodeArchitectures() {
		for _, name := range artifact.NodeProgramNames() {
			if !slices.ContainsFunc(programs, func(p artifact.Program) bool { return p.Name == name && p.Architecture == architecture }) {
				all = append(all, name+" for "+architecture)
			}
		}
	}
	return all
}

// readWorkspace reads from the stack's outputs where its clusters send samples. Without
// such a stack it is empty.
func readWorkspace(ctx context.Context, cfg aws.Config, stackName string) (install.Workspace, error) {
	state, err := stack.New(cfg, stackName).Describe(ctx)
	if err != nil {
		return install.Workspace{}, err
	}
	endpoint := state.Outputs["AMPPrometheusEndpoint"]
	if endpoint == "" {
		return install.Workspace{}, nil
	}
	w := install.Workspace{RemoteWrite: strings.TrimSuffix(endpoint, "/") + "/api/v1/remote_write", Region: cfg.Region}
	return w, w.Check()
}

// store writes objects of one bucket, never over what it has not seen.
type store struct {
	client        *s3.Client
	bucket, owner string
}

// add uploads an object whose key says its content, unless it is there.
func (s store) add(ctx context.Context, key string, content []byte) (uploaded int, err error) {
	_, err = s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.owner})
	if err == nil {
		return 0, nil
	}
	if !isCode(err, "NotFound", "NoSuchKey") {
		return 0, explain("find s3://"+s.bucket+"/"+key, err)
	}
	if err := s.put(ctx, key, content, nil); err != nil && !isCode(err, "PreconditionFailed") { // somebody else put the same
		return 0, explainUpload("upload s3://"+s.bucket+"/"+key, err)
	}
	return 1, nil
}

// object is what lies under a key: nil where nothing does.
type object struct {
	content []byte
	etag    *string
}

// manifest reads a manifest; an object that is not there is an empty one.
func (o object) manifest(name string) (install.Manifest, error) {
	if o.etag == nil {
		return install.Manifest{Releases: []install.Release{}}, nil
	}
	m, err := install.ParseManifest(string(o.content))
	if err != nil {
		return m, hint.New(hint.BadInput, fmt.Errorf("%s: %w", name, err),
			"the manifest was changed by another program or a newer parascope: use the newer parascope, or delete the manifest and stage "+
				"all versions again")
	}
	return m, nil
}

// maxReplaced is more than a manifest or a script has.
const maxReplaced = 1 << 20

// read reads an object under a fixed key.
func (s store) read(ctx context.Context, key string) (object, error) {
	name := "s3://" + s.bucket + "/" + key
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.owner})
	if isCode(err, "NoSuchKey", "NotFound") {
		return object{}, nil
	}
	if err != nil {
		return object{}, explain("read "+name, err)
	}
	has, err := io.ReadAll(io.LimitReader(out.Body, maxReplaced+1))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return object{}, explain("read "+name, err)
	}
	if len(has) > maxReplaced {
		return object{}, fmt.Errorf("%s has more than %d bytes: parascope did not write it", name, maxReplaced)
	}
	return object{has, out.ETag}, nil
}

// replace uploads an object in the place of one that was read, unless it has this content.
func (s store) replace(ctx context.Context, key string, old object, content []byte) (uploaded int, err error) {
	name := "s3://" + s.bucket + "/" + key
	if old.etag != nil && bytes.Equal(old.content, content) {
		return 0, nil
	}
	err = s.put(ctx, key, content, old.etag)
	if isCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
		return 0, hint.New(hint.Busy, fmt.Errorf("%s was changed by another process", name), "run the command again")
	}
	if err != nil {
		return 0, explainUpload("upload "+name, err)
	}
	return 1, nil
}

// put uploads an object over the version that was seen; nil where none was.
func (s store) put(ctx context.Context, key string, content []byte, seen *string) error {
	sum := sha256.Sum256(content)
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.owner, Body: bytes.NewReader(content),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])), IfMatch: seen,
	}
	if seen == nil {
		in.IfNoneMatch = aws.String("*")
	}
	_, err := s.client.PutObject(ctx, in)
	return err
}

func isCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}

// CheckScript asks whether the install script is where the configuration says. A node
// that cannot download it is ended by ParallelCluster, so a configuration must not name
// one that is not there: exit code NotFound.
func CheckScript(ctx context.Context, cfg aws.Config, s cluster.Source) error {
	bucket, key, ok := splitURL(s.Script)
	if !ok {
		return fmt.Errorf("%s is not the S3 URL of an object", s.Script)
	}
	_, err := s3.NewFromConfig(cfg).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if isCode(err, "NotFound", "NoSuchKey", "NoSuchBucket") {
		return hint.New(hint.NotFound, fmt.Errorf("%s does not exist; ParallelCluster would terminate every node that tries to run it", s.Script),
			"'"+cmp.Or(s.Stage, "parascope cluster stage")+"' uploads it")
	}
	if err != nil {
		return explain("find "+s.Script, err)
	}
	return nil
}

// splitURL is the bucket and key of an s3:// address.
func splitURL(url string) (bucket, key string, ok bool) {
	rest, is := strings.CutPrefix(url, "s3://")
	bucket, key, ok = strings.Cut(rest, "/")
	return bucket, key, is && ok && bucket != "" && key != ""
}

// explain gives an SDK error the exit code of its kind.
// explainUpload is explain where the bucket's policy may be what denies it: restrict writes that.
func explainUpload(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks + "; if the bucket policy has a statement " +
		"ParascopeWriters…, only the principal in the statement can upload: use that principal, or run 'parascope cluster stage " +
		"--restrict' with permission to write the policy"})
}

func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks})
}
