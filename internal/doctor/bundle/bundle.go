// Package bundle writes what doctor found into one file for support, with secrets left out.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// File is a part of a bundle.
type File struct {
	Name  string // without a folder
	About string // what it is, in a line
	Text  string
	Err   error // why it is not there
	// Configures says that the file is a configuration: what it names as a secret is left out of all files.
	Configures bool
}

// maxFile bounds each part, in bytes: its end is kept, which is the newest of a log.
const maxFile = 1 << 20

// Tail keeps the newest lines of a log, whatever it has: at most twice as many bytes as a
// part of a bundle.
type Tail struct{ text []byte }

// Add adds a line.
func (t *Tail) Add(line string) {
	t.text = append(append(t.text, line...), '\n')
	if over := len(t.text) - maxFile; over > maxFile {
		t.text = append(t.text[:0], t.text[over:]...)
	}
}

// String is what is kept.
func (t *Tail) String() string { return string(t.text) }

// Write writes the files as a tar archive, compressed with gzip, with a README.txt that lists
// them. A file that could not be had is listed with the reason.
func Write(w io.Writer, files []File, now time.Time) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	put := func(name, text string) error {
		err := t.WriteHeader(&tar.Header{Name: "parascope-doctor/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: now,
			Format: tar.FormatPAX})
		if err != nil {
			return err
		}
		_, err = io.WriteString(t, text)
		return err
	}
	err := put("README.txt", fmt.Sprintf("Files that 'doctor' collected at %s. Secrets are replaced by %s.\n\n%s",
		now.UTC().Format(time.RFC3339), leftOut, List(files)))
	var everywhere []string // pairs of a secret and what stands for it
	for _, f := range files {
		if f.Configures {
			_, values := clean(f.Text)
			for _, secret := range literals(values) {
				everywhere = append(everywhere, secret, leftOut)
			}
		}
	}
	known := strings.NewReplacer(everywhere...)
	for _, f := range files {
		if err == nil && f.Err == nil {
			text := known.Replace(Clean(f.Text)) // before it is cut: half of a secret does not look like one
			err = put(f.Name, text[max(0, len(text)-maxFile):])
		}
	}
	if err := errors.Join(err, t.Close(), z.Close()); err != nil {
		return fmt.Errorf("could not write the bundle: %w", err)
	}
	return nil
}

// List says what is in a bundle, a line for each file.
func List(files []File) string {
	var b strings.Builder
	for _, f := range files {
		if f.Err != nil {
			fmt.Fprintf(&b, "%s: missing: %s\n", f.Name, Clean(f.Err.Error()))
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.About)
	}
	return b.String()
}
