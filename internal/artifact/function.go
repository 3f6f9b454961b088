package artifact

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/parascope/parascope/internal/hint"
)

// Architecture is an instruction set, as Lambda calls it.
type Architecture string

// Lambda's architectures.
const (
	ARM64 Architecture = "arm64"
	X8664 Architecture = "x86_64"
)

// HostArchitecture is this machine's: AWS runs both, and where the stack goes to a
// local cloud the function runs here.
func HostArchitecture() Architecture {
	if runtime.GOARCH == "amd64" {
		return X8664
	}
	return ARM64
}

//go:embed function
var functions embed.FS

// Function is the setup function as Lambda takes it.
type Function struct {
	Zip          []byte
	Architecture Architecture
}

// packed is where the program carries the setup function.
func packed(a Architecture) string { return "function/bootstrap-" + string(a) + ".gz" }

// CheckFunction reports whether LoadFunction would find the function, at no cost.
func CheckFunction(a Architecture) error {
	if a != ARM64 && a != X8664 {
		return hint.New(hint.Usage, fmt.Errorf("unknown architecture %q", a), "give --architecture arm64 or x86_64")
	}
	if _, err := fs.Stat(functions, packed(a)); errors.Is(err, fs.ErrNotExist) {
		return hint.New(hint.Failure, fmt.Errorf("this build of parascope does not carry the setup function for %s", a),
			"build it with 'make build', or use a release")
	}
	return nil
}

// LoadFunction takes the setup function out of the program, which carries it when
// it was built with make build.
func LoadFunction(a Architecture) (Function, error) {
	if err := CheckFunction(a); err != nil {
		return Function{}, err
	}
	packed, err := functions.ReadFile(packed(a))
	if err != nil {
		return Function{}, fmt.Errorf("read the setup function: %w", err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Function{}, fmt.Errorf("unpack the setup function: %w", err)
	}
	binary, err := io.ReadAll(r)
	if err != nil {
		return Function{}, fmt.Errorf("unpack the setup function: %w", err)
	}
	packedAsZip, err := zipFunction(binary)
	if err != nil {
		return Function{}, fmt.Errorf("pack the setup function: %w", err)
	}
	return Function{packedAsZip, a}, nil
}

// zipFunction packs the binary as Lambda wants it: one file named bootstrap, that
// can be run. The same binary makes the same bytes.
func zipFunction(binary []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(binary); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// CodeSha256 is the digest of the function as Lambda's API has it: base64 of the zip
// file's SHA-256.
func (f Function) CodeSha256() string {
	sum := sha256.Sum256(f.Zip)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Key is where the function lies in a bucket: its content is in its name, so that
// a stack is updated when, and only when, the function changed. What was uploaded for
// one stack lies under its name and goes with it; without one it is anybody's.
func (f Function) Key(stackName string) string {
	sum := sha256.Sum256(f.Zip)
	if stackName != "" {
		stackName += "/"
	}
	return functionPrefix + stackName + hex.EncodeToString(sum[:8]) + "-" + string(f.Architecture) + ".zip"
}
