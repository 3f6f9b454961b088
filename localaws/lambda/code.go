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
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// Bounds of an unpacked function: its bytes, its files and folders, and their names.
const (
	maxUnzipped = 262144000
	maxEntries  = 65535
	maxName     = 1024
	maxPartName = 255
)

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
		return nil, invalid("%s", gateway.Simplified("supports functions from zip files, not from images"))
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
		return nil, fmt.Errorf("could not download the code of a function: %w", err)
	}
	if answer.Status == http.StatusOK {
		return answer.Body, nil
	}
	var refusal struct{ Code, Message string }
	if err := xml.Unmarshal(answer.Body, &refusal); err != nil {
		return nil, fmt.Errorf("could not read the S3 error for the code of a function: %w", err)
	}
	if answer.Status == http.StatusForbidden {
		return nil, refuse(http.StatusForbidden, "AccessDeniedException", fmt.Sprintf(
			"Your access has been denied by S3, please make sure your request credentials have permission to GetObject for %s/%s. S3 Error Code: "+
				"%s. S3 Error Message: %s",
			in.S3Bucket, in.S3Key, refusal.Code, refusal.Message), "User")
	}
	return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", refusal.Code, refusal.Message)
}

// errNoArchive is the answer to an archive that cannot be read, or is not what its
// headers say.
func errNoArchive() error {
	return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

func errTooLarge() error { return invalid("Unzipped size must be smaller than %d bytes", maxUnzipped) }

// unpack makes a folder of the archive, with the files' modes. At most limit bytes are
// written, whatever the headers say. Of what is refused nothing stays.
func (l *Lambda) unpack(archive []byte, limit int64) (code, error) {
	zr, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return code{}, errNoArchive()
	}
	if err := checkEntries(zr.File, limit); err != nil {
		return code{}, err
	}
	sum := sha256.Sum256(archive)
	c := code{Dir: l.opts.NewID(), SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(archive))}
	left := limit
	for _, f := range zr.File {
		n, err := extract(f, filepath.Join(l.opts.Dir, c.Dir), left)
		if err != nil {
			l.remove(c)
			return code{}, fmt.Errorf("could not unzip the code of a function: %w", err)
		}
		left -= n
	}
	return c, os.MkdirAll(filepath.Join(l.opts.Dir, c.Dir), 0o700)
}

// checkEntries refuses names that leave the folder or that no file can have, a name of
// two files or of a file and a folder, and too many files and folders: each takes room on
// the disk, with or without content.
func checkEntries(entries []*zip.File, limit int64) error {
	folders := map[string]bool{} // by name; false: a file
	for _, f := range entries {
		name, isFolder := filepath.Clean(f.Name), f.FileInfo().IsDir()
		was, there := folders[name]
		switch {
		case f.UncompressedSize64 > uint64(limit):
			return errTooLarge()
		case !filepath.IsLocal(f.Name), len(name) > maxName, strings.ContainsRune(name, 0), longPart(name),
			there && !(was && isFolder), name == "." && !isFolder:
			return errNoArchive()
		}
		folders[name] = isFolder
		for in := filepath.Dir(name); in != "."; in = filepath.Dir(in) {
			if was, there := folders[in]; there && !was {
				return errNoArchive()
			}
			folders[in] = true
		}
		if len(folders) > maxEntries {
			return invalid("%s", gateway.Simplified(fmt.Sprintf("unpacks at most %d files and folders", maxEntries)))
		}
	}
	return nil
}

func longPart(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > maxPartName })
}

// remove deletes code that no function has. What cannot be deleted now is at the next start.
func (l *Lambda) remove(c code) {
	if err := os.RemoveAll(filepath.Join(l.opts.Dir, c.Dir)); err != nil {
		l.opts.Logger.Error("could not remove the code of a function", "err", err)
	}
}

// extract writes a file of the archive, of limit bytes at most, and returns its size.
func extract(f *zip.File, dir string, limit int64) (int64, error) {
	name := filepath.Join(dir, filepath.FromSlash(f.Name))
	if f.FileInfo().IsDir() {
		return 0, os.MkdirAll(name, 0o700)
	}
	if !f.Mode().IsRegular() {
		return 0, invalid("%s", gateway.Simplified("supports only files and folders in the archive, and "+f.Name+" is neither"))
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return 0, err
	}
	in, err := f.Open()
	if err != nil {
		return 0, errNoArchive()
	}
	defer in.Close() // reading it to its end has checked it
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode().Perm()|0o400)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, limit+1))
	if err := errors.Join(err, out.Close()); err != nil {
		if _, ours := errors.AsType[*fs.PathError](err); ours {
			return 0, err
		}
		return 0, errNoArchive()
	}
	if n > limit {
		return 0, errTooLarge()
	}
	return n, nil
}
