package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// maxUnzipped is how large a function may be when it is unpacked.
const maxUnzipped = 262144000

// code is a function's unpacked archive.
type code struct {
	Dir    string // in Options.Dir
	SHA256 string // of the archive, base64
	Size   int64  // of the archive
}

// codeInput says where code comes from: from the request or from a bucket.
type codeInput struct {
	ZipFile         []byte
	S3Bucket        string
	S3Key           string
	S3ObjectVersion string
	ImageURI        string
}

// fetch reads the archive, from S3 as the caller.
func (l *Lambda) fetch(ctx context.Context, r *gateway.Request, in codeInput) ([]byte, error) {
	switch {
	case in.ImageURI != "":
		return nil, invalid("parascope local runs functions from zip files, not from images; see docs/local-cloud.md")
	case len(in.ZipFile) > 0 && in.S3Bucket != "":
		return nil, invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case len(in.ZipFile) > 0:
		return in.ZipFile, nil
	case in.S3Bucket == "" || in.S3Key == "":
		return nil, invalid("Please provide a source for function code.")
	}
	object := "/" + in.S3Bucket + "/" + strings.ReplaceAll(url.PathEscape(in.S3Key), "%2F", "/")
	answer, err := l.opts.Call(ctx, r.Principal, gateway.Call{Service: "s3", Operation: "GetObject", Region: r.Region, Path: object})
	if err != nil {
		return nil, fmt.Errorf("fetch a function's code: %w", err)
	}
	if answer.Status == http.StatusOK {
		return answer.Body, nil
	}
	var refusal struct{ Code, Message string }
	if err := xml.Unmarshal(answer.Body, &refusal); err != nil {
		return nil, fmt.Errorf("read S3's refusal of a function's code: %w", err)
	}
	if answer.Status == http.StatusForbidden {
		return nil, refuse(http.StatusForbidden, "AccessDeniedException", fmt.Sprintf(
			"Your access has been denied by S3, please make sure your request credentials have permission to GetObject for %s/%s. S3 Error Code: "+
				"%s. S3 Error Message: %s",
			in.S3Bucket, in.S3Key, refusal.Code, refusal.Message), "User")
	}
	return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", refusal.Code, refusal.Message)
}

// unpack makes a folder of the archive, with the files' modes.
func (l *Lambda) unpack(archive []byte) (code, error) {
	bad := invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	zr, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return code{}, bad
	}
	total := uint64(0)
	for _, f := range zr.File {
		total += f.UncompressedSize64
		if !filepath.IsLocal(f.Name) {
			return code{}, bad
		}
	}
	if total > maxUnzipped {
		return code{}, invalid("Unzipped size must be smaller than %d bytes", maxUnzipped)
	}
	sum := sha256.Sum256(archive)
	c := code{Dir: l.opts.NewID(), SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(archive))}
	for _, f := range zr.File {
		if err := extract(f, filepath.Join(l.opts.Dir, c.Dir)); err != nil {
			return code{}, errors.Join(fmt.Errorf("unpack a function's code: %w", err), os.RemoveAll(filepath.Join(l.opts.Dir, c.Dir)))
		}
	}
	return c, os.MkdirAll(filepath.Join(l.opts.Dir, c.Dir), 0o700)
}

func extract(f *zip.File, dir string) error {
	name := filepath.Join(dir, filepath.FromSlash(f.Name))
	if f.FileInfo().IsDir() {
		return os.MkdirAll(name, 0o700)
	}
	if !f.Mode().IsRegular() {
		return invalid("parascope local unpacks files and folders only, and %s is neither; see docs/local-cloud.md", f.Name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	defer in.Close() // reading it to its end has checked it
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode().Perm()|0o400)
	if err != nil {
		return err
	}
	// An archive may hold more than it says.
	_, err = io.Copy(out, io.LimitReader(in, maxUnzipped))
	return errors.Join(err, out.Close())
}
