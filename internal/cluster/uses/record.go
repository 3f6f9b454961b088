package uses

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/internal/awserr"
)

// Attached is a configuration that attach or new wrote: a cluster may be made of it at any time.
type Attached struct {
	Cluster       string    `json:"cluster,omitempty"` // "": it was not said
	Region        string    `json:"region"`
	Configuration string    `json:"configuration"` // the file's name, without its folder
	Time          time.Time `json:"time"`

	digest string // of the file's machine and path: files of one name are not the same
}

var notInKey = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// key is of the object that records it. It lies outside of what nodes may read.
func (p Place) key(a Attached) string {
	name := "cluster-" + a.Cluster
	if a.Cluster == "" {
		name = "file-" + notInKey.ReplaceAllString(a.Configuration, "_") + "-" + a.digest
	}
	return p.records() + a.Region + "/" + name
}

func (p Place) records() string { return p.prefix() + "attached/" }

// digestLength is in hexadecimal digits.
const digestLength = 12

// NewAttached is about a configuration in a file.
func NewAttached(cluster, region, file string, now time.Time) Attached {
	host, _ := os.Hostname() // without one the path alone tells files apart
	path, err := filepath.Abs(file)
	if err != nil { // the working directory is gone
		path = file
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	sum := sha256.Sum256([]byte(host + "\x00" + path))
	return Attached{Cluster: cluster, Region: region, Configuration: filepath.Base(file), Time: now.UTC().Truncate(time.Second),
		digest: hex.EncodeToString(sum[:])[:digestLength]}
}

// Record notes that a configuration names the scripts.
func Record(ctx context.Context, cfg aws.Config, p Place, a Attached) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	key := p.key(a)
	_, err = s3.NewFromConfig(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &p.Bucket, Key: &key, Body: bytes.NewReader(text)})
	if err != nil {
		return awserr.Explain("record the use of the script in s3://"+p.Bucket+"/"+key+"", err,
			awserr.Next{Denied: awserr.WhoAsks})
	}
	return nil
}

// Forget takes the note away: the configuration does not name the scripts any more.
func Forget(ctx context.Context, cfg aws.Config, p Place, a Attached) error {
	key := p.key(a)
	if _, err := s3.NewFromConfig(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.Bucket, Key: &key}); err != nil {
		return awserr.Explain("delete the record s3://"+p.Bucket+"/"+key, err, awserr.Next{Denied: awserr.WhoAsks})
	}
	return nil
}

// recorded are the notes that are there.
func recorded(ctx context.Context, cfg aws.Config, p Place) (all []Use, err error) {
	client := s3.NewFromConfig(cfg)
	prefix := p.records()
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &p.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Explain("list the configurations that name the script", err, awserr.Next{Denied: awserr.WhoAsks})
		}
		for _, o := range page.Contents {
			region, name := path.Split(strings.TrimPrefix(aws.ToString(o.Key), prefix))
			on := aws.ToTime(o.LastModified).UTC().Format(time.DateOnly)
			cluster, named := strings.CutPrefix(name, "cluster-")
			if named {
				all = append(all, Use{strings.TrimSuffix(region, "/"), cluster, "attached on " + on + ", and not detached"})
			} else {
				file := strings.TrimPrefix(name, "file-")
				if end := len(file) - digestLength - 1; end > 0 && file[end] == '-' {
					file = file[:end]
				}
				all = append(all, Use{Region: strings.TrimSuffix(region, "/"),
					Why: "configuration " + file + " was attached on " + on + ", and not detached"})
			}
		}
	}
	return all, nil
}
