package s3

import (
	"encoding/xml"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const bucketBucket = "s3-buckets" // bucket name → bucket

// xmlns is the namespace of S3's documents.
const xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"

// stamp is how S3 writes times in its documents.
const stamp = "2006-01-02T15:04:05.000Z"

// bucket is one as it is stored.
type bucket struct {
	Name      string
	Region    string
	CreatedAt time.Time
	Settings  map[string]string // subresource → document as it was put; "" when it was deleted
}

// visible returns the bucket that the request names, if its caller and its region have it.
func (s *S3) visible(r *gateway.Request) (*bucket, error) {
	name := r.Labels["Bucket"]
	if name == ResponseBucket(r.Region) {
		if !isAWS(r.Principal) {
			return nil, accessDenied()
		}
		return &bucket{Name: name, Region: r.Region}, nil
	}
	if s.opts.Taken(name) {
		return nil, accessDenied()
	}
	b, err := s.find(name)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, noSuchBucket()
	case b.Region != r.Region:
		return nil, elsewhere(b.Region)
	}
	return b, nil
}

// find returns a bucket of the account, nil when there is none.
func (s *S3) find(name string) (*bucket, error) {
	var b bucket
	found := false
	err := s.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(bucketBucket, name, &b)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	return &b, nil
}

// bucketNames are all buckets that may hold objects, AWS's included.
func bucketNames(tx *state.Tx) ([]string, error) {
	var names []string
	for _, kind := range []string{bucketBucket, responseBuckets} {
		err := tx.ForEach(kind, func(name string, _ func(any) error) error {
			names = append(names, name)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func validName(name string) bool {
	return bucketName.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil &&
		!strings.HasPrefix(name, "xn--") && !strings.HasSuffix(name, "-s3alias")
}

func (s *S3) createBucket(w http.ResponseWriter, r *gateway.Request) error {
	name := r.Labels["Bucket"]
	if !validName(name) {
		return refuse(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	}
	var in struct {
		XMLName            xml.Name `xml:"CreateBucketConfiguration"`
		LocationConstraint string
	}
	if len(r.Body) > 0 {
		if err := parse(r, &in); err != nil {
			return err
		}
	}
	region, err := location(r.Region, in.LocationConstraint)
	if err != nil {
		return err
	}
	if s.opts.Taken(name) || strings.HasPrefix(name, responseBucket) {
		return refuse(http.StatusConflict, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared "+
			"by all users of the system. Please select a different name and try again.")
	}
	err = s.opts.State.Update(func(tx *state.Tx) error {
		var b bucket
		found, err := tx.Get(bucketBucket, name, &b)
		switch {
		case err != nil:
			return err
		case found && b.Region == "us-east-1" && r.Region == "us-east-1":
			return nil
		case found:
			return refuse(http.StatusConflict, "BucketAlreadyOwnedByYou",
				"Your previous request to create the named bucket succeeded and you already own it.")
		}
		return tx.Put(bucketBucket, name, bucket{Name: name, Region: region, CreatedAt: r.Now})
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/"+name)
	return gateway.WriteXML(w, http.StatusOK, nil)
}

// location is the region of a new bucket: us-east-1's endpoint makes buckets
// everywhere, the others in their own region only, which has to be named.
func location(endpoint, constraint string) (string, error) {
	switch {
	case endpoint == "us-east-1" && constraint == "us-east-1":
		return "", refuse(http.StatusBadRequest, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	case endpoint == "us-east-1" && constraint == "":
		return endpoint, nil
	case endpoint == "us-east-1" || constraint == endpoint:
		return constraint, nil
	case constraint == "":
		constraint = "unspecified"
	}
	return "", refuse(http.StatusBadRequest, "IllegalLocationConstraintException",
		"The "+constraint+" location constraint is incompatible for the region specific endpoint this request was sent to.")
}

func (s *S3) headBucket(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	w.Header().Set("x-amz-bucket-region", b.Region)
	return gateway.WriteXML(w, http.StatusOK, nil)
}

func (s *S3) getBucketLocation(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.find(r.Labels["Bucket"])
	if err != nil {
		return err
	}
	if b == nil {
		return noSuchBucket()
	}
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{}
	if b.Region != "us-east-1" {
		out.Region = b.Region
	}
	return gateway.WriteXML(w, http.StatusOK, out)
}

func (s *S3) listBuckets(w http.ResponseWriter, r *gateway.Request) error {
	type entry struct{ Name, CreationDate, BucketRegion string }
	out := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   struct{ ID string }
		Buckets struct{ Bucket []entry }
	}{}
	out.Owner.ID = ownerID
	err := s.opts.State.View(func(tx *state.Tx) error {
		return tx.ForEach(bucketBucket, func(_ string, decode func(any) error) error {
			var b bucket
			err := decode(&b)
			out.Buckets.Bucket = append(out.Buckets.Bucket, entry{b.Name, b.CreatedAt.UTC().Format(stamp), b.Region})
			return err
		})
	})
	if err != nil {
		return err
	}
	return gateway.WriteXML(w, http.StatusOK, out)
}

// ownerID stands for the account's canonical user id, 64 hexadecimal digits.
const ownerID = "0000000000000000000000000000000000000000000000000000" + principal.Account

func (s *S3) deleteBucket(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	err = s.opts.State.Update(func(tx *state.Tx) error {
		empty := true
		if err := eachObject(tx, b.Name, func(*object) { empty = false }); err != nil {
			return err
		}
		if !empty {
			return refuse(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
		}
		return tx.Delete(bucketBucket, b.Name)
	})
	if err != nil {
		return err
	}
	return gateway.WriteXML(w, http.StatusNoContent, nil)
}
