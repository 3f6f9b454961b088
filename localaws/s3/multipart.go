package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const (
	uploadBucket = "s3-uploads" // upload id → upload
	maxPart      = 10000
	minPartSize  = 5 << 20 // of every part but the last
	maxObject    = 128 << 20
)

// upload is a multipart upload that has begun.
type upload struct {
	Bucket, Key string
	Headers     map[string]string
	Parts       map[int]part
}

// size is that of all parts.
func (u *upload) size() (n int64) {
	for _, p := range u.Parts {
		n += p.Size
	}
	return n
}

type part struct {
	File string
	Size int64
	ETag string
}

func (s *S3) createMultipartUpload(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	id := strings.ReplaceAll(s.opts.NewID(), "-", "")
	u := upload{Bucket: b.Name, Key: r.Labels["Key"], Headers: keptHeaders(r.Header)}
	if err := s.opts.State.Update(func(tx *state.Tx) error { return tx.Put(uploadBucket, id, u) }); err != nil {
		return err
	}
	return gateway.WriteXML(w, http.StatusOK, struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: u.Bucket, Key: u.Key, UploadId: id})
}

// uploadOf finds the upload that a request is about.
func uploadOf(tx *state.Tx, r *gateway.Request) (id string, u upload, err error) {
	id = r.URL.Query().Get("uploadId")
	found, err := tx.Get(uploadBucket, id, &u)
	if err == nil && (!found || u.Bucket != r.Labels["Bucket"] || u.Key != r.Labels["Key"]) {
		err = refuse(http.StatusNotFound, "NoSuchUpload",
			"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	}
	return id, u, err
}

func (s *S3) uploadPart(w http.ResponseWriter, r *gateway.Request) error {
	if _, err := s.visible(r); err != nil {
		return err
	}
	number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if err != nil || number < 1 || number > maxPart {
		return refuse(http.StatusBadRequest, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
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
	p := part{File: file, Size: int64(len(r.Body)), ETag: hex.EncodeToString(sum[:])}
	old := ""
	err = s.opts.State.Update(func(tx *state.Tx) error {
		id, u, err := uploadOf(tx, r)
		if err != nil {
			return err
		}
		if u.Parts == nil {
			u.Parts = map[int]part{}
		}
		old = u.Parts[number].File
		u.Parts[number] = p
		if u.size() > maxObject {
			return refuse(http.StatusBadRequest, "EntityTooLarge", gateway.Simplified(fmt.Sprintf("stores objects of at most %d bytes", maxObject)))
		}
		return tx.Put(uploadBucket, id, u)
	})
	if err != nil {
		s.remove(file)
		return err
	}
	if old != "" {
		s.remove(old)
	}
	for name, value := range given {
		w.Header().Set(name, value)
	}
	w.Header().Set("ETag", `"`+p.ETag+`"`)
	return gateway.WriteXML(w, http.StatusOK, nil)
}

type completedPart struct {
	PartNumber int
	ETag       string
}

func (s *S3) completeMultipartUpload(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	var in struct {
		XMLName xml.Name        `xml:"CompleteMultipartUpload"`
		Part    []completedPart `xml:"Part"`
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	var u upload
	if err := s.opts.State.View(func(tx *state.Tx) (err error) { _, u, err = uploadOf(tx, r); return err }); err != nil {
		return err
	}
	file, size, etag, err := s.assemble(u, in.Part)
	if err != nil {
		return err
	}
	o := object{Key: u.Key, File: file, Size: size, ETag: etag, LastModified: r.Now.UTC().Truncate(time.Second),
		Headers: u.Headers}
	err = s.store(b, o, func(tx *state.Tx, old *object) error {
		id, _, err := uploadOf(tx, r)
		if err != nil {
			return err
		}
		if err := writable(r, old); err != nil {
			return err
		}
		return tx.Delete(uploadBucket, id)
	})
	if err != nil {
		return err
	}
	s.removeParts(u)
	return gateway.WriteXML(w, http.StatusOK, struct {
		XMLName                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}{Location: "http://" + r.Host + r.URL.EscapedPath(), Bucket: u.Bucket, Key: u.Key, ETag: `"` + o.ETag + `"`})
}

// assemble puts the parts together that the client lists. The tag of the whole is
// the hash of the parts' hashes, and their number.
func (s *S3) assemble(u upload, list []completedPart) (file string, size int64, etag string, err error) {
	if len(list) == 0 {
		return "", 0, "", malformed()
	}
	for i, c := range list {
		if i > 0 && c.PartNumber <= list[i-1].PartNumber {
			return "", 0, "", refuse(http.StatusBadRequest, "InvalidPartOrder",
				"The list of parts was not in ascending order. The parts list must be specified in order by part number.")
		}
		p, found := u.Parts[c.PartNumber]
		if !found || strings.Trim(c.ETag, `"`) != p.ETag {
			return "", 0, "", refuse(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found. The part may "+
				"not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		}
		if i < len(list)-1 && p.Size < minPartSize {
			return "", 0, "", refuse(http.StatusBadRequest, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size")
		}
	}
	hashes := md5.New()
	file, err = s.create(func(w io.Writer) error {
		for _, c := range list {
			n, sum, err := s.copyPart(w, u.Parts[c.PartNumber])
			if err != nil {
				return fmt.Errorf("could not read part %d of an upload: %w", c.PartNumber, err)
			}
			size += n
			hashes.Write(sum) // a hash's Write never fails
		}
		return nil
	})
	return file, size, fmt.Sprintf("%x-%d", hashes.Sum(nil), len(list)), err
}

func (s *S3) copyPart(w io.Writer, p part) (n int64, sum []byte, err error) {
	f, err := os.Open(s.file(p.File))
	if err != nil {
		return 0, nil, err
	}
	defer f.Close() // it was only read
	hash := md5.New()
	n, err = io.Copy(io.MultiWriter(w, hash), f)
	return n, hash.Sum(nil), err
}

func (s *S3) abortMultipartUpload(w http.ResponseWriter, r *gateway.Request) error {
	if _, err := s.visible(r); err != nil {
		return err
	}
	var u upload
	err := s.opts.State.Update(func(tx *state.Tx) error {
		id, found, err := uploadOf(tx, r)
		if err != nil {
			return err
		}
		u = found
		return tx.Delete(uploadBucket, id)
	})
	if err != nil {
		return err
	}
	s.removeParts(u)
	return gateway.WriteXML(w, http.StatusNoContent, nil)
}

func (s *S3) removeParts(u upload) {
	for _, p := range u.Parts {
		s.remove(p.File)
	}
}
