// Package s3 is the local cloud's Amazon Simple Storage Service: buckets of the
// account and their objects, with path-style addresses, since the endpoint is an
// IP address. Objects are files; what is known of them stands in the state.
package s3

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; all but Taken are needed.
type Options struct {
	State  *state.DB
	Dir    string // objects
	Now    func() time.Time
	NewID  func() string // UUIDs
	Logger *slog.Logger
	// Taken says which bucket names other accounts have: the names of buckets are
	// the world's. Nil: none.
	Taken func(bucket string) bool
}

// S3 is the service.
type S3 struct {
	opts Options
	// mu keeps an object's record and its file together: writers replace both.
	mu sync.RWMutex
}

// New opens the service on its state, and removes files that no object has: what
// a write left that was cut off.
func New(o Options) (*S3, error) {
	if o.Taken == nil {
		o.Taken = func(string) bool { return false }
	}
	s := &S3{opts: o}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("could not create the directory of S3's objects: %w", err)
	}
	if err := s.removeOrphans(); err != nil {
		return nil, fmt.Errorf("could not clean up the directory of S3's objects: %w", err)
	}
	return s, nil
}

// responseBucket begins the names of the buckets that answers of CloudFormation's
// custom resources are put in. They belong to AWS, one for each region.
const responseBucket = "cloudformation-custom-resource-response-"

// ResponseBucket is AWS's bucket for the answers of a region's custom resources.
func ResponseBucket(region string) string {
	return responseBucket + strings.ReplaceAll(region, "-", "")
}

// Object reads an object, for the cloud itself: no permission is asked for.
func (s *S3) Object(bucket, key string) (body []byte, found bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, err := s.load(bucket, key)
	if err != nil || o == nil {
		return nil, false, err
	}
	body, err = os.ReadFile(s.file(o.File))
	if err != nil {
		return nil, false, fmt.Errorf("could not read object %s/%s: %w", bucket, key, err)
	}
	return body, true, nil
}

func (s *S3) file(name string) string { return filepath.Join(s.opts.Dir, name) }

// write makes a new file of the body and returns its name, which says nothing of
// the object's key: keys may be anything.
func (s *S3) write(body []byte) (string, error) {
	return s.create(func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	})
}

// create makes a new file of what fill writes.
func (s *S3) create(fill func(io.Writer) error) (string, error) {
	name := s.opts.NewID()
	f, err := os.OpenFile(s.file(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("could not write an object: %w", err)
	}
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		s.remove(name)
		return "", fmt.Errorf("could not write an object: %w", err)
	}
	return name, nil
}

// remove deletes the files of objects that are gone. That one cannot be deleted
// costs room only, until the next start removes it.
func (s *S3) remove(files ...string) {
	for _, name := range files {
		if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.opts.Logger.Warn("could not remove the file of a deleted object", "err", err)
		}
	}
}

func (s *S3) removeOrphans() error {
	known := map[string]bool{}
	err := s.opts.State.View(func(tx *state.Tx) error {
		buckets, err := bucketNames(tx)
		if err != nil {
			return err
		}
		for _, name := range buckets {
			if err := eachObject(tx, name, func(o *object) { known[o.File] = true }); err != nil {
				return err
			}
		}
		return tx.ForEach(uploadBucket, func(_ string, decode func(any) error) error {
			var u upload
			err := decode(&u)
			for _, p := range u.Parts {
				known[p.File] = true
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	files, err := os.ReadDir(s.opts.Dir)
	for _, f := range files {
		if !known[f.Name()] && err == nil {
			err = os.Remove(s.file(f.Name()))
		}
	}
	return err
}

// isAWS reports whether a principal is a service of AWS, not one of the account.
func isAWS(p principal.Principal) bool { return !strings.HasPrefix(p.ARN, "arn:") }

// bucketARN is what permissions on a bucket are for.
func bucketARN(r *gateway.Request) []string { return []string{"arn:aws:s3:::" + r.Labels["Bucket"]} }

// objectARN is what permissions on an object are for.
func objectARN(r *gateway.Request) []string {
	return []string{"arn:aws:s3:::" + r.Labels["Bucket"] + "/" + r.Labels["Key"]}
}
