// Package install has what the nodes of a cluster install: the script that ParallelCluster
// runs on each of them, the manifest that says what it fetches, and what belongs to a
// version.
package install

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/parascope/parascope"
)

// script is POSIX sh that always exits with 0 where ParallelCluster runs it.
//
//go:embed install.sh
var script string

// Names of what a release has beside the programs.
const (
	scriptFile = "parascope-install.sh" // the script again, so that nodes upgrade it with the rest
	unitFile   = "parascope-node.service"
)

// Places on a node.
const (
	programsDir = "/opt/parascope/current/bin"
	stateDir    = "/run/parascope-install" // where the script leaves its metrics
)

// Place is where nodes fetch from.
type Place struct {
	Bucket string
	Owner  string // the account that the bucket has to belong to
	Region string // the bucket's
	Prefix string // of all keys, with a slash at its end
}

// ManifestKey is the manifest's object key.
func (p Place) ManifestKey() string { return p.Prefix + "manifest" }

// Script is the install script for nodes that fetch from this place.
func (p Place) Script() []byte {
	return []byte(strings.NewReplacer("@BUCKET@", p.Bucket, "@OWNER@", p.Owner, "@REGION@", p.Region, "@PREFIX@", p.Prefix).Replace(script))
}

// Program is a program as nodes fetch it.
type Program struct {
	Name, Architecture string
	Packed             []byte // gzip
}

// Release is what belongs to a version, and the objects in the order of its files: the
// programs, the node program's unit, and the script.
func (p Place) Release(version string, programs []Program) (r Release, objects [][]byte) {
	r.Version = version
	add := func(name, architecture, object string, content []byte) {
		sum := sha256.Sum256(content)
		f := File{Name: name, Architecture: architecture, SHA256: hex.EncodeToString(sum[:]), Bytes: len(content)}
		f.Key = fmt.Sprintf("%sobjects/%s/%s", p.Prefix, f.SHA256, object)
		r.Files, objects = append(r.Files, f), append(objects, content)
	}
	for _, program := range programs {
		add(program.Name, program.Architecture, program.Name+"-linux-"+program.Architecture+".gz", program.Packed)
	}
	add(unitFile, anyArchitecture, unitFile, nodeUnit())
	add(scriptFile, anyArchitecture, scriptFile, p.Script())
	return r, objects
}

// nodeUnit is the node program's unit as the script installs it.
func nodeUnit() []byte {
	return []byte(strings.Replace(parascope.NodeUnit, "ExecStart=/usr/local/bin/parascope-node",
		"ExecStart="+programsDir+"/parascope-node --collector.jobs --collector.textfile.directory="+stateDir, 1))
}
