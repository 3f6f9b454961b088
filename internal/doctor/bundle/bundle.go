// Package bundle writes what doctor found into one file for support, with secrets left out.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/awserr"
)

// File is a part of a bundle.
type File struct {
	Name  string // without a folder
	About string // what it is, in a line
	Text  string
	Err   error // why it is not there
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

const leftOut = "(left out)"

// secrets are texts that no bundle has. The groups 1 and 2 stay.
var secrets = [...]*regexp.Regexp{
	// NAME: value and NAME=value, in YAML, JSON, units and environment files.
	regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|secret|token|credentials?|api_?key|access_?key(?:_?id)?|private_?key|` +
		`authorization|bearer)[a-z0-9_-]*["']?\s*[:=]\s*)(["']?)[^\s"',}\]&][^\n"',}\]&]*`),
	regexp.MustCompile(`(?i)()(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`),
	regexp.MustCompile(`()()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b`),
	regexp.MustCompile(`()()\bgl(?:sa|c)_[A-Za-z0-9_]{10,}`),
	regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)()[^\s/@"']+@`),
	regexp.MustCompile(`(?i)([?&](?:x-amz-[a-z-]+|signature|sig|key)=)()[^\s&"']+`),
	regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]+-----)().*?(?:-----END [A-Z ]+-----|\z)`),
}

// Clean leaves secrets out of a text: by the names of keys, and by the forms of AWS' and
// Grafana's.
func Clean(text string) string {
	text = awserr.Public(text)
	for _, s := range secrets {
		text = s.ReplaceAllString(text, "${1}${2}"+leftOut)
	}
	return text
}

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
	for _, f := range files {
		if err == nil && f.Err == nil {
			text := Clean(f.Text) // before it is cut: half of a secret does not look like one
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
