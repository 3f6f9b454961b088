//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/testbed/bed"
	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/instances"
	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/node"
)

// command runs the program under its own name.
func command(ctx context.Context, args []string) error {
	var dir string
	root := &cobra.Command{Use: "testbed", Short: "A ParallelCluster cluster on one machine", SilenceUsage: true, SilenceErrors: true}
	root.PersistentFlags().StringVar(&dir, "dir", directory(), "directory of the bed's sockets and logs")
	root.AddCommand(newUp(&dir), newStop(&dir), newStatus(&dir), newEnter(&dir), newRefuse(&dir), newKernel(&dir),
		&cobra.Command{Use: "check", Short: "Say what this machine lacks for a test bed", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return lacking() }},
		&cobra.Command{Use: "machine", Hidden: true, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return firstProcess(cmd.Context()) }},
		&cobra.Command{Use: "boot", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := node.ReadUserData()
			if err != nil {
				return node.NoteFailure(err)
			}
			return node.Boot(cmd.Context(), u, time.Now)
		}}, newUpdate(), &cobra.Command{Use: "pcluster", DisableFlagParsing: true, Short: "The stand-in for pcluster",
			RunE: func(cmd *cobra.Command, args []string) error { return pcluster(cmd.Context(), args) }})
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// directory is where the bed is, unless --dir says otherwise.
func directory() string {
	if d := os.Getenv("TESTBED_DIR"); d != "" {
		return d
	}
	return "/run/parascope-testbed"
}

// newUpdate is what a machine runs when its cluster is updated.
func newUpdate() *cobra.Command {
	var scripts, arguments []string
	c := &cobra.Command{Use: "update", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		u, err := node.ReadUserData()
		if err != nil {
			return err
		}
		list := config.Scripts{}
		for i, s := range scripts {
			one := config.Script{Script: s}
			for _, a := range arguments {
				if index, value, ok := strings.Cut(a, "="); ok && index == fmt.Sprint(i) {
					one.Args = append(one.Args, value)
				}
			}
			list = append(list, one)
		}
		return node.Update(cmd.Context(), u, list, time.Now)
	}}
	c.Flags().StringArrayVar(&scripts, "script", nil, "where a script of OnNodeUpdated is")
	c.Flags().StringArrayVar(&arguments, "arg", nil, "INDEX=ARGUMENT of a script")
	return c
}

func newUp(dir *string) *cobra.Command {
	u := upOptions{}
	c := &cobra.Command{Use: "up", Short: "Run the bed until Ctrl-C or 'testbed stop'", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { u.dir = *dir; return u.run(cmd.Context()) }}
	f := c.Flags()
	f.StringVar(&u.cloud, "cloud", "", "address of a local cloud that runs; without --cloud and --start-cloud nodes find no AWS")
	f.StringVar(&u.cloudData, "cloud-data", "", "data directory of that cloud, for its keys")
	f.StringVar(&u.startCloud, "start-cloud", "", "`PROGRAM` parascope-local, to run a local cloud with the bed")
	f.StringVar(&u.region, "region", "us-east-2", "region of the clusters")
	f.StringVar(&u.version, "pcluster-version", "3.15.1", "version of ParallelCluster to stand for")
	f.StringVar(&u.cluster, "cluster", "", "create a cluster of this name at once, of --config or with one queue")
	f.StringVar(&u.config, "config", "", "`FILE` with that cluster's configuration")
	f.DurationVar(&u.pace.ManagementInterval, "clustermgtd-interval", time.Minute, "how often clustermgtd looks")
	f.DurationVar(
		&u.pace.ScaledownIdle,
		"scaledown-idle",
		0,
		"how long a node is idle before it goes (default: the configuration's ScaledownIdletime)",
	)
	f.DurationVar(&u.pace.SuspendTimeout, "suspend-timeout", 2*time.Minute, "Slurm's SuspendTimeout")
	f.DurationVar(
		&u.pace.ResumeTimeout,
		"resume-timeout",
		0,
		"Slurm's ResumeTimeout (default: the configuration's ComputeNodeBootstrapTimeout, or 30 minutes)",
	)
	f.DurationVar(&u.pace.PowerSaveInterval, "power-save-interval", 30*time.Second, "how often Slurm looks for nodes to power up or down")
	f.BoolVar(&u.inside, "inside", false, "run in this mount namespace")
	if err := f.MarkHidden("inside"); err != nil {
		panic(err) // the flag is two lines above
	}
	return c
}

func newStop(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "End the bed and all of its machines",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pid := bed.RunningIn(*dir)
			if pid == 0 {
				fmt.Println("no test bed runs in", *dir)
				return nil
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				return fmt.Errorf("stop process %d: %w", pid, err)
			}
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for bed.RunningIn(*dir) != 0 {
				select {
				case <-tick.C:
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				}
			}
			return nil
		},
	}
}

// allMachines asks the bed for its machines.
func allMachines(ctx context.Context, dir string) ([]bed.Machine, error) {
	var all []bed.Machine
	if err := instances.NewClient(bed.ControlSocket(dir)).Do(ctx, http.MethodGet, "/machines", nil, &all); err != nil {
		return nil, fmt.Errorf("is a test bed running in %s ('make cluster')? %w", dir, err)
	}
	slices.SortFunc(all, func(a, b bed.Machine) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func newStatus(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the bed's machines",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := allMachines(cmd.Context(), *dir)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "CLUSTER\tHOST\tROLE\tSTATE\tADDRESS\tTYPE\tINSTANCE\tPID")
			for _, m := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", m.Cluster, m.Hostname, m.Role, m.State, m.Address, m.Type, m.ID, m.PID)
			}
			return w.Flush()
		},
	}
}

// runningMachine finds a machine by its host name or instance; "head" is the first head node.
func runningMachine(ctx context.Context, dir, name string) (bed.Machine, error) {
	all, err := allMachines(ctx, dir)
	if err != nil {
		return bed.Machine{}, err
	}
	for _, m := range all {
		if m.PID != 0 && (m.Hostname == name || m.ID == name || name == "head" && m.Role == "HeadNode") {
			return m, nil
		}
	}
	return bed.Machine{}, fmt.Errorf("no machine %s runs; 'testbed status' lists those that do", name)
}

func newEnter(dir *string) *cobra.Command {
	c := &cobra.Command{
		Use:                   "enter HOST [COMMAND...]",
		Short:                 "Run a command, or a shell, on a machine; 'head' is the first head node",
		Args:                  cobra.MinimumNArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := runningMachine(cmd.Context(), *dir, args[0])
			if err != nil {
				return err
			}
			run := args[1:]
			if len(run) == 0 {
				run = []string{"bash", "-l"}
			}
			nsenter, err := exec.LookPath("nsenter")
			if err != nil {
				return fmt.Errorf("find nsenter: %w", err)
			}
			env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", m.PID))
			if err != nil {
				return fmt.Errorf("enter %s: %w", args[0], err)
			}
			vars := append(strings.Split(strings.TrimRight(string(env), "\x00"), "\x00"), "TERM="+os.Getenv("TERM"))
			for k, v := range vars {
				if path, ok := strings.CutPrefix(v, "PATH="); ok {
					vars[k] = "PATH=/opt/slurm/bin:" + path // as a login shell of ParallelCluster has it
				}
			}
			return syscall.Exec(nsenter, append(append([]string{"nsenter"}, bed.EnterArgs(m.PID)...), run...), vars)
		},
	}
	c.Flags().SetInterspersed(false) // what follows HOST is the command's
	return c
}

func newRefuse(dir *string) *cobra.Command {
	asked := struct {
		Queue string `json:"queue"`
		Code  string `json:"code"`
		Count int    `json:"count"`
	}{}
	c := &cobra.Command{
		Use:   "refuse QUEUE",
		Short: "Make EC2 refuse the next instances of a queue",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked.Queue = args[0]
			return instances.NewClient(bed.ControlSocket(*dir)).Do(cmd.Context(), http.MethodPost, "/refusals", asked, nil)
		},
	}
	c.Flags().StringVar(&asked.Code, "code", "InsufficientInstanceCapacity", "EC2's error code")
	c.Flags().IntVar(&asked.Count, "count", 1, "how many; -1: all until --count 0")
	return c
}

func newKernel(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "kernel HOST MESSAGE",
		Short: "Write a message into the kernel's log of a machine with GPUs, as its driver does",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := runningMachine(cmd.Context(), *dir, args[0])
			if err != nil {
				return err
			}
			return machine.WriteKernelLog(m.PID, args[1])
		},
	}
}

// missingError lists what this machine lacks.
type missingError struct{ what []string }

func (e *missingError) Error() string {
	return "the test bed cannot run here:\n  - " + strings.Join(
		e.what,
		"\n  - ",
	) + "\nDebian's packages are listed in testbed/packages.txt: " +
		"apt-get install --no-install-recommends $(grep -v '#' testbed/packages.txt)"
}

// lacking says what this machine lacks, as a missingError.
func lacking() error {
	var what []string
	if os.Geteuid() != 0 {
		what = append(what, "it needs root, for namespaces and mounts")
	}
	for program, of := range map[string]string{"slurmctld": "slurmctld", "slurmd": "slurmd", "scontrol": "slurm-client",
		"munged": "munge", "dos2unix": "dos2unix",
		"ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux", "aws": "awscli"} {
		if !slices.ContainsFunc(
			[]string{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"},
			func(d string) bool { _, err := os.Stat(d + program); return err == nil },
		) {
			what = append(what, program+" (package "+of+")")
		}
	}
	if b, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(b), "overlay") {
		what = append(what, "the kernel has no overlayfs")
	}
	if len(what) > 0 {
		slices.Sort(what)
		return &missingError{what}
	}
	return nil
}

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.StringValue(a.Value.Time().Format("15:04:05"))
		}
		return a
	}}))
}

// inOwnNamespace runs this program again in a mount namespace of its own, whose
// mounts are gone when it ends. The process stays the same one.
func inOwnNamespace() error {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return fmt.Errorf("find unshare: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	argv := append([]string{"unshare", "--mount", "--propagation", "private", "--", self}, append(slices.Clone(os.Args[1:]), "--inside")...)
	return fmt.Errorf("run %s: %w", unshare, syscall.Exec(unshare, argv, os.Environ()))
}

// absolute resolves a path that another process will use.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", path, err)
	}
	if _, err := os.Stat(abs); err != nil {
		return "", errors.Join(fmt.Errorf("find %s", path), err)
	}
	return abs, nil
}
