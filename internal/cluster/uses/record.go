package uses

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/lookup"
)

// Attached is a configuration that attach or new wrote: a cluster may be made of it at any time.
type Attached struct {
	Cluster       string    `json:"cluster,omitempty"` // "": it was not said
	Region        string    `json:"region"`
	Configuration string    `json:"configuration"` // the file's name, without its folder
	Time          time.Time `json:"time"`
	Host          string    `json:"host,omitempty"`
	Path          string    `json:"path,omitempty"`    // of the file
	Content       string    `json:"content,omitempty"` // its digest; "": it does not name the script
	Bucket        string    `json:"bucket,omitempty"`  // with the script, where the record lies in another
	Run           string    `json:"run,omitempty"`     // tells the records of one run of a command from those of another

	digest string // of the file's machine and path: files of one name are not the same
}

var notInKey = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// key is of the object that records it. It lies outside of what nodes may read. Earlier versions recorded
// a named cluster's as cluster-NAME, whatever the file.
func (p Place) key(a Attached) string {
	name := notInKey.ReplaceAllString(a.Configuration, "_") + "-" + a.digest
	if a.Cluster == "" {
		return p.records() + a.Region + "/file-" + name
	}
	return p.records() + a.Region + "/cluster-" + a.Cluster + "/" + name
}

func (p Place) records() string { return p.prefix() + "attached/" }

// digestLength is in hexadecimal digits.
const digestLength = 12

// NewAttached is about a configuration in a file. Text is what is or was in it and names the script, nil where nothing did.
func NewAttached(cluster, region, file string, text []byte, now time.Time) Attached {
	host, _ := os.Hostname() // without one the path alone tells files apart
	path, err := filepath.Abs(file)
	if err != nil { // the working directory is gone
		path = file
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	a := Attached{Cluster: cluster, Region: region, Configuration: filepath.Base(file), Time: now.UTC().Truncate(time.Second),
		Host: host, Path: path, Run: rand.Text(), digest: digest([]byte(host + "\x00" + path))[:digestLength]}
	if text != nil {
		a.Content = digest(text)
	}
	return a
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// tries are for a record that is written while another process deletes it, which S3 answers with 409.
const tries = 3

// Record notes that a configuration names the scripts, unless that is noted already.
func Record(ctx context.Context, cfg aws.Config, p Place, a Attached) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	key := p.key(a)
	for range tries {
		_, err = s3.NewFromConfig(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &p.Bucket, Key: &key, Body: bytes.NewReader(text),
			IfNoneMatch: aws.String("*")})
		switch awserr.Status(err) {
		case 412:
			return nil
		case 409:
			continue
		}
		break
	}
	if err != nil {
		return awserr.Explain("record the use of the script in s3://"+p.Bucket+"/"+key+"", err,
			awserr.Next{Denied: awserr.WhoAsks})
	}
	return nil
}

// Withdraw takes back what Record noted of the same value, whether or not Record had an answer. A note of
// another run stays.
func Withdraw(ctx context.Context, cfg aws.Config, p Place, a Attached) error {
	key := p.key(a)
	has, err := read(ctx, cfg, p.Bucket, key)
	if awserr.Status(err) == 404 {
		return nil
	}
	if err == nil && has.Run != a.Run {
		return nil
	}
	if err == nil {
		_, err = s3.NewFromConfig(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.Bucket, Key: &key})
	}
	if err != nil {
		return awserr.Explain("withdraw the record s3://"+p.Bucket+"/"+key, err, awserr.Next{Denied: awserr.WhoAsks})
	}
	return nil
}

func read(ctx context.Context, cfg aws.Config, bucket, key string) (a Attached, err error) {
	text, err := lookup.Object{Bucket: bucket, Key: key}.Read(ctx, cfg)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("s3://%s/%s is not a record: %w", bucket, key, err)
	}
	return a, nil
}

// Forget takes the notes of a file away: it does not name the scripts any more. Those are the file's own,
// whatever cluster was named then, and where a.Content says what the file had, the notes of the same cluster about
// a file that had the same and is not there any more, as after it was renamed. A bucket that is not there has none.
func Forget(ctx context.Context, cfg aws.Config, p Place, a Attached) error {
	keys, err := list(ctx, cfg, p)
	if err != nil {
		return err
	}
	for _, o := range keys {
		has, err := read(ctx, cfg, p.Bucket, o.key)
		if awserr.Status(err) == 404 { // another process was faster
			continue
		}
		own := strings.HasSuffix(o.key, "-"+a.digest) && o.file != ""
		if err != nil && !own {
			continue // it stays, and down names it
		}
		same := a.Content != "" && has.Region == a.Region && (has.Cluster == "" || has.Cluster == a.Cluster)
		if !own && !(same && (has.of(a) || has.moved(a))) {
			continue
		}
		buckets := []string{p.Bucket}
		if has.Bucket != "" && has.Bucket != p.Bucket {
			buckets = []string{has.Bucket, p.Bucket}
		}
		for _, bucket := range buckets {
			_, err := s3.NewFromConfig(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &o.key})
			if err != nil && awserr.Status(err) != 404 {
				return awserr.Explain("delete the record s3://"+bucket+"/"+o.key, err, awserr.Next{Denied: awserr.WhoAsks})
			}
		}
	}
	return nil
}

// of reports whether a record of an earlier version, which did not say which file of the name it is, may be of this one.
func (has Attached) of(a Attached) bool {
	return has.Path == "" && has.Cluster != "" && has.Configuration == a.Configuration
}

// moved reports whether a record's file is gone from this machine, and had what the other has.
func (has Attached) moved(a Attached) bool {
	if has.Path == "" || has.Host != a.Host || has.Content != a.Content {
		return false
	}
	_, err := os.Lstat(has.Path)
	return errors.Is(err, fs.ErrNotExist)
}

// object is a record by its key.
type object struct {
	key                   string
	region, cluster, file string // file is "" in records of named clusters by earlier versions
	on                    string
}

// list are the records in a bucket, which need not exist.
func list(ctx context.Context, cfg aws.Config, p Place) (all []object, err error) {
	prefix := p.records()
	pages := s3.NewListObjectsV2Paginator(s3.NewFromConfig(cfg), &s3.ListObjectsV2Input{Bucket: &p.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.Status(err) == 404 {
			return nil, nil
		}
		if err != nil {
			return nil, awserr.Explain("list the configurations that name the script in bucket "+p.Bucket, err, awserr.Next{Denied: awserr.WhoAsks})
		}
		for _, at := range page.Contents {
			o := object{key: aws.ToString(at.Key), on: aws.ToTime(at.LastModified).UTC().Format(time.DateOnly)}
			region, name, _ := strings.Cut(strings.TrimPrefix(o.key, prefix), "/")
			o.region = region
			if cluster, named := strings.CutPrefix(name, "cluster-"); named {
				o.cluster, o.file, _ = strings.Cut(cluster, "/")
			} else {
				o.file = strings.TrimPrefix(path.Base(name), "file-")
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// recorded are the notes that are there.
func recorded(ctx context.Context, cfg aws.Config, p Place) (all []Use, err error) {
	objects, err := list(ctx, cfg, p)
	for _, o := range objects {
		what := ""
		if file := o.file; file != "" {
			if end := len(file) - digestLength - 1; end > 0 && file[end] == '-' {
				file = file[:end]
			}
			what = "configuration " + file + " was "
		}
		all = append(all, Use{Region: o.region, Cluster: o.cluster, Why: what + "attached on " + o.on + ", and not detached",
			Record: "s3://" + p.Bucket + "/" + o.key})
	}
	return all, err
}
