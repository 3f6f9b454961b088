package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/command"
)

const maxPing = 4 << 10

// Tools runs Slurm's commands.
type Tools struct {
	Dir       string        // of the commands; ParallelCluster's is /opt/slurm/bin
	Timeout   time.Duration // of one command
	MaxOutput int           // bytes that one command may print; 20,000 jobs take about 5 MB
}

// DefaultTools are those of a ParallelCluster head node.
func DefaultTools() Tools {
	return Tools{Dir: "/opt/slurm/bin", Timeout: 30 * time.Second, MaxOutput: 64 << 20}
}

// run returns a command's output. The environment is the command's own: what a site or a
// user sets (SQUEUE_FORMAT, SLURM_TIME_FORMAT, a language) does not change the output, and
// times are UTC. A command that fails has no output, although it may have printed some; nor has one whose
// output ends within a line, since all of these commands end their last line.
func (t Tools) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	out, err := command.Program{Path: filepath.Join(t.Dir, name), Args: args, Env: environment(), MaxOutput: t.MaxOutput}.Run(ctx)
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%s did not exit within %s", name, t.Timeout)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && out.Errors != "":
		return nil, fmt.Errorf("%s: %w: %s", name, err, firstLine(out.Errors))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case out.Cut:
		return nil, fmt.Errorf("%s printed more than %d bytes", name, t.MaxOutput)
	case len(out.Text) > 0 && out.Text[len(out.Text)-1] != '\n':
		return nil, cutOff(name)
	}
	return out.Text, nil
}

// pingTimeout is after how long a slurmctld that does not answer a ping counts as slow, not as down.
const pingTimeout = 5 * time.Second

// checkController fails where scontrol ping says that every slurmctld is down, which it does at once.
// Whatever else comes of it says nothing: the other commands will tell.
func (t Tools) checkController(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(t.Timeout, pingTimeout))
	defer cancel()
	out, err := command.Program{Path: filepath.Join(t.Dir, "scontrol"), Args: []string{"ping"}, Env: environment(),
		MaxOutput: maxPing}.Run(ctx)
	if text := string(out.Text); err != nil && strings.Contains(text, "DOWN") && !strings.Contains(text, "UP") {
		return errors.New(firstLine(text))
	}
	return nil
}

// environment is the commands' own, whatever that of this process is.
func environment() []string {
	// squeue cuts the tasks of an array after 64 characters unless SLURM_BITSTR_LEN is 0.
	env := []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "SLURM_TIME_FORMAT=standard", "SLURM_BITSTR_LEN=0"}
	if conf := os.Getenv("SLURM_CONF"); conf != "" {
		env = append(env, "SLURM_CONF="+conf)
	}
	return env
}

// cutOff is the error of an output whose end is missing. What the rest says would be shown as the whole.
func cutOff(name string) error {
	return fmt.Errorf("%s: the output is cut off: its last record is incomplete", name)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
