package parascopenode

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/collect"
	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/hint"
)

// gpuFlags are the flags of the page of GPUs.
type gpuFlags struct {
	address, fields, hostengine string
	options                     gpu.Options
}

func (g *gpuFlags) add(f *pflag.FlagSet) {
	g.fields, g.hostengine, g.options = "default", "off", gpu.DefaultOptions()
	f.StringVar(&g.address, "gpu.listen-address", "",
		"`HOST:PORT` to serve GPU metrics on, or off (default: port "+collect.GPUPort+" of the host of --web.listen-address)")
	f.StringVar(&g.fields, "gpu.fields", g.fields,
		"`default`: at most 24 series per GPU; full: also all default and profiling metrics of dcgm-exporter")
	f.StringVar(&g.options.Helper, "gpu.helper", "", "`PATH` of parascope-nvml (default: beside this program, or in PATH)")
	f.StringVar(&g.options.Library, "gpu.library", g.options.Library, "`NAME` or path of the GPU driver's library")
	f.StringVar(&g.hostengine, "gpu.hostengine", g.hostengine,
		"start: start nvidia-dcgm.service if profiling needs it; `off`: use it only if it runs")
	f.StringVar(&g.options.StateFile, "gpu.state-file", g.options.StateFile, "`FILE` that stores the XID error counts until the next boot")
	addPauseFile(f, &g.options.PauseFile)
}

func addPauseFile(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "gpu.pause-file", gpu.DefaultOptions().PauseFile, "`FILE` that stores the end of a pause of profiling")
}

// server prepares the server of the page of GPUs; nil if it is off.
func (g *gpuFlags) server(o collect.Options) (*collect.Server, error) {
	var err error
	if g.options.Full, err = oneOf("--gpu.fields", g.fields, "default", "full"); err != nil {
		return nil, err
	}
	if g.options.Hostengine, err = oneOf("--gpu.hostengine", g.hostengine, "off", "start"); err != nil {
		return nil, err
	}
	address := g.address
	switch address {
	case "off":
		return nil, nil
	case "":
		if address, err = collect.GPUAddress(o.Address); err != nil {
			return nil, err
		}
	}
	return collect.NewGPU(o, address, g.options)
}

// oneOf reads a flag with two values; it reports whether the second was given.
func oneOf(flag, value, first, second string) (bool, error) {
	if value != first && value != second {
		return false, hint.New(hint.Usage, fmt.Errorf("%s=%s is neither %s nor %s", flag, value, first, second),
			"give "+flag+"="+first+" or "+flag+"="+second)
	}
	return value == second, nil
}

func newGPU(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "gpu",
		Short: "Pause and resume the profiling of this machine's GPUs",
	}
	c.AddCommand(newGPUPause(p), newGPUResume(p))
	return c
}

func newGPUPause(p *cli.Process) *cobra.Command {
	length, file := time.Hour, ""
	c := &cobra.Command{
		Use:   "pause",
		Short: "Pause profiling so that another profiler can use the GPUs' counters",
		Long: `Pause profiling so that another profiler, such as Nsight, can use the GPUs' counters.
The parascope-node that serves this machine stops profiling within 15 seconds and
resumes when the pause ends. Other metrics are served meanwhile.`,
		Example: `  parascope-node gpu pause --for 1h`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if length <= 0 || length > gpu.MaxPause {
				return hint.New(hint.Usage, fmt.Errorf("--for=%s is not between 1s and 168h", length), "give a duration such as --for=1h")
			}
			until := time.Now().Add(length)
			if err := gpu.Pause(file, until); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.Stdout, "Profiling of GPUs is paused until %s.\n", until.Format(time.RFC3339))
			return err
		},
	}
	c.Flags().DurationVar(&length, "for", length, "`DURATION` of the pause, at most 168h")
	addPauseFile(c.Flags(), &file)
	return c
}

func newGPUResume(p *cli.Process) *cobra.Command {
	file := ""
	c := &cobra.Command{
		Use:     "resume",
		Short:   "End a pause of profiling",
		Example: `  parascope-node gpu resume`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := gpu.Resume(file); err != nil {
				return err
			}
			_, err := fmt.Fprintln(p.Stdout, "Profiling of GPUs resumes within 15 seconds.")
			return err
		},
	}
	addPauseFile(c.Flags(), &file)
	return c
}
