package artifact

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
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
		return hint.New(hint.Failure, fmt.Errorf("this build of parascope does not contain the setup function for %s", a),
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
		return Function{}, fmt.Errorf("could not read the setup function: %w", err)
	}
	packedAsZip, err := zipFunction(packed)
	if err != nil {
		return Function{}, fmt.Errorf("could not pack the setup function: %w", err)
	}
	return Function{packedAsZip, a}, nil
}

// The frame that gzip -n puts around compressed data (RFC 1952): a header without a name,
// the CRC-32 and the size behind it, each of four bytes.
const gzipHeader, gzipTrailer = 10, 8

// zipFunction makes of a gzipped binary what Lambda wants: a zip of one file named bootstrap,
// that can be run. Both formats hold the same compressed data, which is copied as it is: to
// compress it again would take longer than the rest of most commands.
func zipFunction(gzipped []byte) ([]byte, error) {
	if len(gzipped) < gzipHeader+gzipTrailer || !bytes.Equal(gzipped[:4], []byte{0x1f, 0x8b, 8, 0}) {
		return nil, errors.New("the file is not in the format that 'gzip -n' writes")
	}
	data, trailer := gzipped[gzipHeader:len(gzipped)-gzipTrailer], gzipped[len(gzipped)-gzipTrailer:]
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, CRC32: binary.LittleEndian.Uint32(trailer),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(binary.LittleEndian.Uint32(trailer[4:]))}
	header.SetMode(0o755)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(header)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(data); err != nil {
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
