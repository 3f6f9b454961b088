package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const (
	objectBucket = "s3-objects/" // + bucket name: key → object
	// responseBuckets lists AWS's buckets that have ever held an object.
	responseBuckets = "s3-response-buckets"
	maxKey          = 1024 // bytes
)

// object is one as it is stored.
type object struct {
	Key          string
	File         string // in Options.Dir
	Size         int64
	ETag         string // without quotes
	LastModified time.Time
	Headers      map[string]string // to give back: Content-Type, X-Amz-Meta-…
	Checksums    map[string]string // header → value; given back when asked for
}

// kept are the headers of a PUT, besides x-amz-meta-, that a GET gives back.
func kept() []string {
	return []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}
}

func keptHeaders(h http.Header) map[string]string {
	headers := map[string]string{}
	for _, name := range kept() {
		if v := h.Get(name); v != "" {
			headers[name] = v
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			headers[name] = strings.Join(values, ",")
		}
	}
	return headers
}

// load returns the object, nil when there is none. The caller holds mu.
func (s *S3) load(bucket, key string) (*object, error) {
	var o object
	found := false
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(objectBucket+bucket, key, &o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("could not load object %s/%s: %w", bucket, key, err)
	}
	if !found {
		return nil, nil
	}
	return &o, nil
}

func eachObject(tx *state.Tx, bucket string, f func(*object)) error {
	return tx.ForEach(objectBucket+bucket, func(_ string, decode func(any) error) error {
		var o object
		if err := decode(&o); err != nil {
			return err
		}
		f(&o)
		return nil
	})
}

// store makes o the object of its key, if before lets it replace the one there is.
func (s *S3) store(b *bucket, o object, before func(tx *state.Tx, old *object) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var old object
	replaced := false
	err := s.opts.State.Update(func(tx *state.Tx) (err error) {
		// The bucket may have been deleted since it was looked up.
		var still bucket
		there, err := tx.Get(bucketBucket, b.Name, &still)
		if err == nil && strings.HasPrefix(b.Name, responseBucket) {
			there, err = true, tx.Put(responseBuckets, b.Name, struct{}{})
		}
		if err != nil {
			return err
		}
		if !there {
			return noSuchBucket()
		}
		if replaced, err = tx.Get(objectBucket+b.Name, o.Key, &old); err != nil {
			return err
		}
		current := &old
		if !replaced {
			current = nil
		}
		if err := before(tx, current); err != nil {
			return err
		}
		return tx.Put(objectBucket+b.Name, o.Key, o)
	})
	if err != nil {
		s.remove(o.File)
		return err
	}
	if replaced {
		s.remove(old.File)
	}
	return nil
}

func (s *S3) putObject(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	key := r.Labels["Key"]
	if len(key) > maxKey {
		return refuse(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	}
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		return gateway.NotImplemented("s3:CopyObject")
	}
	given, err := checksums(r)
	if err != nil {
		return err
	}
	file, err := s.write(r.Body)
	if err != nil {
		return err
	}
	sum := md5.Sum(r.Body)
	o := object{
		Key: key, File: file, Size: int64(len(r.Body)), ETag: hex.EncodeToString(sum[:]), LastModified: r.Now.UTC().Truncate(time.Second),
		Headers: keptHeaders(r.Header), Checksums: given,
	}
	err = s.store(b, o, func(_ *state.Tx, old *object) error { return writable(r, old) })
	if err != nil {
		return err
	}
	for name, value := range given {
		w.Header().Set(name, value)
		w.Header().Set("x-amz-checksum-type", "FULL_OBJECT")
	}
	w.Header().Set("ETag", `"`+o.ETag+`"`)
	w.Header().Set("x-amz-server-side-encryption", "AES256")
	return gateway.WriteXML(w, http.StatusOK, nil)
}

// writable applies the conditions of a write.
func writable(r *gateway.Request, old *object) error {
	const message = "At least one of the pre-conditions you specified did not hold"
	if r.Header.Get("If-None-Match") == "*" && old != nil {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", message)
	}
	if match := r.Header.Get("If-Match"); match != "" {
		if old == nil {
			return refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		}
		if strings.Trim(match, `"`) != old.ETag {
			return refuse(http.StatusPreconditionFailed, "PreconditionFailed", message)
		}
	}
	return nil
}

// getObject serves HEAD as well.
func (s *S3) getObject(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	s.mu.RLock()
	o, err := s.load(b.Name, r.Labels["Key"])
	var body *os.File // can be read to its end when its name is gone
	if err == nil && o != nil {
		body, err = os.Open(s.file(o.File))
	}
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	defer body.Close() // it is only read
	if o == nil {
		// Who may not list the bucket is not told what is not in it.
		if denied := r.Authorize("s3:ListBucket", bucketARN(r)[0], nil); denied != nil {
			return denied
		}
		return refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	if err := readable(r, o); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "binary/octet-stream")
	for name, value := range o.Headers {
		header.Set(name, value)
	}
	header.Set("ETag", `"`+o.ETag+`"`)
	header.Set("x-amz-server-side-encryption", "AES256")
	if r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && r.Header.Get("Range") == "" {
		for name, value := range o.Checksums {
			header.Set(name, value)
			header.Set("x-amz-checksum-type", "FULL_OBJECT")
		}
	}
	http.ServeContent(w, r.Request, "", o.LastModified, body)
	return nil
}

// readable applies the conditions of a read that end in an error of S3's; the
// others are HTTP's own.
func readable(r *gateway.Request, o *object) error {
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && strings.Trim(match, `"`) != o.ETag {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	from, _, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	if n, err := strconv.ParseInt(from, 10, 64); ok && err == nil && n >= o.Size {
		return refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	return nil
}

func (s *S3) deleteObject(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	if err := s.drop(b.Name, r.Labels["Key"]); err != nil {
		return err
	}
	return gateway.WriteXML(w, http.StatusNoContent, nil)
}

// drop deletes an object; that it is not there is no error.
func (s *S3) drop(bucket, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.load(bucket, key)
	if err != nil || o == nil {
		return err
	}
	if err := s.opts.State.Update(func(tx *state.Tx) error { return tx.Delete(objectBucket+bucket, key) }); err != nil {
		return err
	}
	s.remove(o.File)
	return nil
}

const maxDeletions = 1000

func (s *S3) deleteObjects(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	given, err := checksums(r)
	if err != nil {
		return err
	}
	if len(given) == 0 && r.Header.Get("Content-MD5") == "" {
		return refuse(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	var in struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []struct{ Key string }
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > maxDeletions {
		return malformed()
	}
	type deleted struct{ Key string }
	type failed struct{ Key, Code, Message string }
	out := struct {
		XMLName xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted `xml:"Deleted"`
		Failed  []failed  `xml:"Error"`
	}{}
	for _, o := range in.Object {
		if denied := r.Authorize("s3:DeleteObject", bucketARN(r)[0]+"/"+o.Key, nil); denied != nil {
			out.Failed = append(out.Failed, failed{o.Key, "AccessDenied", "Access Denied"})
			continue
		}
		if err := s.drop(b.Name, o.Key); err != nil {
			return err
		}
		if !in.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	return gateway.WriteXML(w, http.StatusOK, out)
}
