package slurm

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

// ControllerArgs are the arguments of scontrol for ParseController.
var ControllerArgs = []string{"show", "config"}

// Controller is what slurmctld's configuration says that matters to metrics.
type Controller struct {
	Version    string // 24.11.6
	Cluster    string
	MinJobAge  time.Duration // how long slurmctld remembers a finished job; 0 where it is not known
	Accounting bool          // there is a slurmdbd, which sacct and sshare ask
	Metrics    bool          // slurmctld serves its own metrics (MetricsType, from Slurm 25.11 on)
	Port       int           // where it serves them; 0 where it is not known
}

// ParseController reads the output of scontrol show config.
func ParseController(out []byte) (Controller, error) {
	var c Controller
	for line := range bytes.Lines(out) {
		name, value, ok := strings.Cut(string(line), "=")
		if !ok || len(line) > maxLine {
			continue
		}
		value = known(strings.TrimSpace(value))
		switch strings.TrimSpace(name) {
		case "SLURM_VERSION":
			c.Version = value
		case "ClusterName":
			c.Cluster = value
		case "MinJobAge":
			word, _, _ := strings.Cut(value, " ")
			if n, err := strconv.Atoi(word); err == nil && n >= 0 && n < 1e9 {
				c.MinJobAge = time.Duration(n) * time.Second
			}
		case "AccountingStorageType":
			c.Accounting = value == "accounting_storage/slurmdbd"
		case "MetricsType":
			c.Metrics = value != "" && value != "(null)" && value != "metrics/none"
		case "SlurmctldPort":
			first, _, _ := strings.Cut(value, "-") // a range of ports
			if n, err := strconv.Atoi(first); err == nil && n > 0 && n < 65536 {
				c.Port = n
			}
		}
	}
	if c.Version == "" {
		return c, errors.New("scontrol show config: the output has no SLURM_VERSION")
	}
	return c, nil
}
