// Package staging puts what nodes install where they fetch it: the install script, the
// programs, and the manifest that names them.
package staging

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/hint"
)

// InstallScript is what every node runs: POSIX sh, always exit 0.
//
//go:embed install.sh
var InstallScript string

// Manifest lies beside the install script and says what a node installs. The key is
// fixed; an upgrade replaces the manifest, and leaves every configuration as it is.
type Manifest struct {
	Version string `json:"version"`
	Files   []File `json:"files"`
}

// File is a program of the payload.
type File struct {
	Name         string `json:"name"`
	Architecture string `json:"architecture"` // Go's: amd64 or arm64
	Key          string `json:"key"`          // of a gzip; named by its content, so that it never changes
	SHA256       string `json:"sha256"`       // of the gzip, in hexadecimal
	Bytes        int    `json:"bytes"`        // of the gzip
}

// Stage is what to put where nodes fetch it.
type Stage struct {
	Stack    string
	Bucket   string // "": the usual one
	Version  string
	Script   string
	Programs []artifact.Program
}

// Staged is what Stage.Put did.
type Staged struct {
	Bucket        string `json:"bucket"`
	BucketCreated bool   `json:"bucketCreated"`
	Script        string `json:"script"` // address
	Manifest      string `json:"manifest"`
	Version       string `json:"version"`
	Uploaded      int    `json:"uploaded"` // objects; 0: everything was there
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
	b, err := artifact.OpenBucket(ctx, cfg, s.Bucket)
	if err != nil {
		return Staged{}, err
	}
	done := Staged{Bucket: b.Name, BucketCreated: b.Created, Version: s.Version, Script: cluster.ScriptURL(b.Name, s.Stack),
		Manifest: "s3://" + b.Name + "/" + prefix(s.Stack) + "manifest.json"}
	store := store{client: s3.NewFromConfig(cfg), bucket: b.Name, owner: b.Owner}
	manifest := Manifest{Version: s.Version, Files: []File{}}
	for _, p := range s.Programs {
		sum := sha256.Sum256(p.Packed)
		f := File{Name: p.Name, Architecture: p.Architecture, SHA256: hex.EncodeToString(sum[:]), Bytes: len(p.Packed)}
		f.Key = fmt.Sprintf("%sobjects/%s/%s-linux-%s.gz", prefix(s.Stack), f.SHA256, p.Name, p.Architecture)
		manifest.Files = append(manifest.Files, f)
		uploaded, err := store.add(ctx, f.Key, p.Packed)
		if err != nil {
			return done, err
		}
		done.Uploaded += uploaded
	}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return done, err
	}
	for _, o := range []struct {
		key     string
		content []byte
	}{{prefix(s.Stack) + "manifest.json", append(text, '\n')}, {cluster.ScriptKey(s.Stack), []byte(s.Script)}} {
		uploaded, err := store.replace(ctx, o.key, o.content)
		if err != nil {
			return done, err
		}
		done.Uploaded += uploaded
	}
	return done, nil
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
		return 0, explain("look for s3://"+s.bucket+"/"+key, err)
	}
	if err := s.put(ctx, key, content, nil); err != nil && !isCode(err, "PreconditionFailed") { // somebody else put the same
		return 0, explain("upload s3://"+s.bucket+"/"+key, err)
	}
	return 1, nil
}

// maxReplaced is more than a manifest or a script has.
const maxReplaced = 1 << 20

// replace uploads an object under a fixed key, unless it has this content.
func (s store) replace(ctx context.Context, key string, content []byte) (uploaded int, err error) {
	name := "s3://" + s.bucket + "/" + key
	var seen *string
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.owner})
	switch {
	case err == nil:
		has, err := io.ReadAll(io.LimitReader(out.Body, maxReplaced))
		if err := errors.Join(err, out.Body.Close()); err != nil {
			return 0, explain("read "+name, err)
		}
		if bytes.Equal(has, content) {
			return 0, nil
		}
		seen = out.ETag
	case !isCode(err, "NoSuchKey", "NotFound"):
		return 0, explain("read "+name, err)
	}
	err = s.put(ctx, key, content, seen)
	if isCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
		return 0, hint.New(hint.Busy, fmt.Errorf("%s was changed by somebody else in the meantime", name), "run the command again")
	}
	if err != nil {
		return 0, explain("upload "+name, err)
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
		return fmt.Errorf("%s is no address of an object", s.Script)
	}
	_, err := s3.NewFromConfig(cfg).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if isCode(err, "NotFound", "NoSuchKey", "NoSuchBucket") {
		return hint.New(hint.NotFound, fmt.Errorf("%s is not there; ParallelCluster would end every node that tries to run it", s.Script),
			"'parascope cluster stage' uploads it")
	}
	if err != nil {
		return explain("look for "+s.Script, err)
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
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: awserr.WhoAsks})
}
