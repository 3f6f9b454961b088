//go:build linux

// Package machine makes a machine out of namespaces: a process tree with its own
// root file system, host name, network interface and process ids, which all of
// them end with its first process. Nothing of it is visible on the host, and it
// ends with the process that started it, however that one ends.
package machine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Spec is what a machine is made of.
type Spec struct {
	ID       string // i-…
	Hostname string
	Address  netip.Prefix // of its one interface, eth0
	Disk     string       // directory that takes what it writes, and that outlives it
	Binds    []Bind       // directories and files that it shares with others
	GPUs     int          // device nodes /dev/nvidia0…, without a driver
	Env      []string     // environment of its first process, which all others inherit
	Boot     []string     // what its first process runs once everything is there
	UserData json.RawMessage
}

// Bind puts a path of the host at a place in the machine.
type Bind struct{ From, To string }

// Where a machine finds things of the test bed.
const (
	Program      = "/usr/lib/testbed/testbed" // the test bed's program
	UserDataFile = "/etc/testbed/user-data"   // Spec.UserData
	InstanceFile = "/etc/testbed/instance-id" // Spec.ID
	BootLog      = "/var/log/cloud-init-output.log"
)

// Path is where the machine's file is on its disk, once the machine has written it;
// the host sees it there.
func (s Spec) Path(file string) string { return filepath.Join(s.Disk, "upper", file) }

// read takes a Spec from the file that Start passes on.
func read(f *os.File) (Spec, error) {
	defer f.Close()
	var s Spec
	if err := json.NewDecoder(f).Decode(&s); err != nil {
		return s, fmt.Errorf("read the machine's description: %w", err)
	}
	return s, nil
}
