package parascope

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cluster/install"
	"github.com/parascope/parascope/internal/hint"
)

// upgradeOptions are the flags of upgrade.
type upgradeOptions struct {
	stageOptions
	canaries []string
	pin      string
}

func newClusterUpgrade(p *cli.Process) *cobra.Command {
	o := upgradeOptions{}
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Give this version to the nodes of the stack's clusters",
		Long: `Stage this version and give it to the nodes of all clusters of the infrastructure
stack. Nodes read the manifest every 15 to 20 minutes, fetch what is new, and start
it; one on which the new version serves no page within 60 seconds goes back to the
old one by itself. No configuration changes, no node is replaced, and no job is
touched.

--canary gives it to single nodes first, and 'upgrade' without it to all. --pin gives
all nodes a version that was staged before, also an older one, and keeps them there
until '--pin none'.`,
		Example: `  parascope cluster upgrade --canary gpu-st-p5-1       # one node first
  parascope cluster upgrade                            # then all
  parascope cluster upgrade --pin v1.4.0               # back, and stay
  parascope cluster upgrade --pin none`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runUpgrade(cmd.Context(), p, cmd, o))
		},
	}
	o.add(c)
	c.Flags().StringArrayVar(&o.canaries, "canary", nil, "give this version to `NODE` only, or to CLUSTER/NODE; may be repeated")
	c.Flags().StringVar(&o.pin, "pin", "", "give all nodes `VERSION`, which is staged, and keep them there; none lifts it")
	return c
}

func runUpgrade(ctx context.Context, p *cli.Process, cmd *cobra.Command, o upgradeOptions) error {
	switch {
	case len(o.canaries) > 0 && cmd.Flags().Changed("pin"):
		return hint.New(hint.Usage, errors.New("--canary and --pin exclude each other"), "give one of them")
	case len(o.canaries) > 0:
		o.stage.Move = func(m *install.Manifest, r install.Release) error { return m.Try(r, o.canaries) }
	case cmd.Flags().Changed("pin"):
		o.script = true // it needs no programs of this build
		o.stage.Move = func(m *install.Manifest, _ install.Release) error { return m.Pin(o.pin) }
	default:
		o.stage.Move = (*install.Manifest).Upgrade
	}
	done, err := o.put(ctx, cmd)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(done)
	}
	if o.script {
		done.Missing = nil // nothing of this build was staged
	}
	o.print(p, done)
	fmt.Fprintln(p.Stdout, "\nNodes follow within 20 minutes, each by itself; parascope_install_info has the version of each.")
	return nil
}
