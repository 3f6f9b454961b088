// Package fleet has the programs by which ParallelCluster brings Slurm's nodes up and
// takes them down: ResumeProgram, SuspendProgram and clustermgtd. Their behaviour is
// written after aws-parallelcluster-node 2e8f9a8 (2024-10).
package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/parascope/parascope/testbed/node"
)

// log writes lines as ParallelCluster's programs do.
type log struct {
	file    string
	pid     int // in the lines of slurm_resume.log; 0: none
	program string
	now     func() time.Time
}

func (l log) line(level, function, format string, args ...any) error {
	pid := ""
	if l.pid != 0 {
		pid = fmt.Sprintf("%d - ", l.pid)
	}
	at := strings.Replace(l.now().Format("2006-01-02 15:04:05.000"), ".", ",", 1)
	return appendTo(
		l.file,
		fmt.Sprintf("%s - %s[slurm_plugin.%s:%s] - %s - %s\n", at, pid, l.program, function, level, fmt.Sprintf(format, args...)),
	)
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close() // the first error is the one to tell
		return fmt.Errorf("write log: %w", err)
	}
	return f.Close()
}

// counted is how ParallelCluster prints lists.
func counted(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + n + "'"
	}
	return fmt.Sprintf("(x%d) [%s]", len(names), strings.Join(quoted, ", "))
}

// event appends one to a file of events.
func event(file string, now time.Time, u node.UserData, component, level, kind, message string, detail map[string]any) error {
	b, err := json.Marshal(map[string]any{
		"datetime": now.UTC().Format("2006-01-02T15:04:05.000+00:00"), "version": 0, "scheduler": "slurm", "cluster-name": u.Cluster,
		"node-role": node.HeadNode, "component": component, "level": level, "instance-id": u.InstanceID, "event-type": kind,
		"message": message, "detail": detail,
	})
	if err != nil {
		return fmt.Errorf("write event %s: %w", kind, err)
	}
	return appendTo(file, string(b)+"\n")
}
