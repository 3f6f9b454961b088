// Package artifact has what the programs of the module carry or look for: the
// programs of a cluster's nodes and the setup function, compressed. It uploads the
// setup function to S3 for CloudFormation, and deletes it there.
package artifact

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/parascope/parascope/internal/hint"
)

// FindProgram returns the path of another program of the module: beside this one,
// then in PATH, then the copy that this program carries for this machine, which is
// unpacked into the user's cache directory. The error names the program.
func FindProgram(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("could not find the path of the running executable: %w", err)
	}
	return findProgram(name, filepath.Dir(self), carriedPrograms)
}

// findProgram is FindProgram for a program in dir that carries the files of carried.
func findProgram(name, dir string, carried fs.FS) (string, error) {
	if beside := filepath.Join(dir, name); isExecutable(beside) {
		return beside, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	packed, err := fs.ReadFile(carried, packedProgram(name, runtime.GOOS, runtime.GOARCH))
	if errors.Is(err, fs.ErrNotExist) {
		return "", hint.New(hint.NotFound, fmt.Errorf("program %s not found in %s or in PATH, and this build contains no copy for %s/%s",
			name, dir, runtime.GOOS, runtime.GOARCH), "put "+name+" of the same release into one of these directories, or build all "+
			"programs with 'make build'")
	}
	if err != nil {
		return "", fmt.Errorf("could not read the embedded copy of %s: %w", name, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", hint.New(hint.Failure, fmt.Errorf("could not find a cache directory for %s: %w", name, err),
			"set XDG_CACHE_HOME to a writable directory")
	}
	path, err := unpackProgram(packed, filepath.Join(cache, "parascope", "programs"), name)
	if err != nil {
		return "", hint.New(hint.Failure, fmt.Errorf("could not unpack %s: %w", name, err),
			"free disk space in "+cache+", or set XDG_CACHE_HOME to another directory")
	}
	if name == "parascope-node" {
		err = unpackHelper(carried, filepath.Dir(path))
	}
	return path, err
}

// nodeHelper is the program that parascope-node starts on machines with GPUs, and looks
// for beside itself.
const nodeHelper = "parascope-nvml"

// unpackHelper puts the carried copy of parascope-node's helper into dir, if there is one.
func unpackHelper(carried fs.FS, dir string) error {
	packed, err := fs.ReadFile(carried, packedProgram(nodeHelper, runtime.GOOS, runtime.GOARCH))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var program []byte
	if err == nil {
		program, err = decompress(packed)
	}
	if err == nil {
		err = writeProgram(program, dir, nodeHelper)
	}
	if err != nil {
		return hint.New(hint.Failure, fmt.Errorf("could not unpack %s: %w", nodeHelper, err), "free disk space in "+dir)
	}
	return nil
}

//go:embed programs
var carriedPrograms embed.FS

// packedProgram is where a build with make build carries a program of this name.
func packedProgram(name, goos, goarch string) string {
	return "programs/" + name + "-" + goos + "-" + goarch + ".gz"
}

// Program is a program of a cluster's nodes, as this build carries it.
type Program struct {
	Name         string // parascope-node
	Architecture string // Go's: amd64 or arm64
	Packed       []byte // gzip
}

// NodeArchitectures are those of ParallelCluster's nodes.
func NodeArchitectures() []string { return []string{"amd64", "arm64"} }

// NodeProgramNames are the programs that nodes run: nodeHelper where they have GPUs, the
// head's program on a head node.
func NodeProgramNames() []string { return []string{"parascope-node", nodeHelper, "parascope-head"} }

// NodePrograms are the programs for a cluster's nodes, of the architectures that this
// build carries. A build that carries none is an error with exit code NotFound.
func NodePrograms() ([]Program, error) { return nodePrograms(carriedPrograms) }

func nodePrograms(carried fs.FS) (all []Program, err error) {
	for _, arch := range NodeArchitectures() {
		for _, name := range NodeProgramNames() {
			packed, err := fs.ReadFile(carried, packedProgram(name, "linux", arch))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("could not read the embedded copy of %s: %w", name, err)
			}
			all = append(all, Program{name, arch, packed})
		}
	}
	if len(all) == 0 {
		return nil, hint.New(hint.NotFound, errors.New("this build of parascope does not contain the programs for nodes"),
			"use a released parascope, or one that was built with 'make build'")
	}
	return all, nil
}

// unpackProgram writes the program to dir, below a directory named by its content,
// unless it is there already.
func unpackProgram(packed []byte, dir, name string) (string, error) {
	program, err := decompress(packed)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(program)
	dir = filepath.Join(dir, hex.EncodeToString(sum[:8]))
	return filepath.Join(dir, name), writeProgram(program, dir, name)
}

func decompress(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// writeProgram writes an executable file, unless the same is there already.
func writeProgram(program []byte, dir, name string) error {
	path := filepath.Join(dir, name)
	if has, err := os.ReadFile(path); err == nil && bytes.Equal(has, program) && isExecutable(path) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(program)
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
