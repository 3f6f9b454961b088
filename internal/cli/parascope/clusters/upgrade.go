package clusters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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
		Short: "Upgrade the nodes of the stack's clusters to this version",
		Long: `Stage this version and upgrade the nodes of all clusters of the infrastructure stack
to it. Nodes read the manifest every 15 to 20 minutes, download a new version and
start it; a node whose new version serves no metrics within 60 seconds rolls back to
the old one. Configurations, nodes and jobs are not affected.

--canary upgrades single nodes first; 'upgrade' without it upgrades all. --pin sets all
nodes to a staged version, which may be an older one, and keeps them at it until
'--pin none'.`,
		Example: `  parascope cluster upgrade --canary gpu-st-p5-1       # one node first
  parascope cluster upgrade                            # then all
  parascope cluster upgrade --pin v1.4.0               # back to v1.4.0, and keep it
  parascope cluster upgrade --pin none`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runUpgrade(cmd.Context(), p, cmd, o))
		},
	}
	o.add(c)
	c.Flags().StringArrayVar(&o.canaries, "canary", nil, "upgrade only `NODE`, or CLUSTER/NODE; may be repeated")
	c.Flags().StringVar(&o.pin, "pin", "", "set all nodes to the staged `VERSION` and keep them at it; 'none' as VERSION removes the pin")
	return c
}

func runUpgrade(ctx context.Context, p *cli.Process, cmd *cobra.Command, o upgradeOptions) error {
	switch {
	case slices.Contains(o.canaries, ""):
		return hint.New(hint.Usage, errors.New("--canary has no node name"),
			"give --canary the Slurm name of a node, or CLUSTER/NODE; omit it to upgrade all nodes")
	case len(o.canaries) > 0 && cmd.Flags().Changed("pin"):
		return hint.New(hint.Usage, errors.New("--canary and --pin cannot be combined"), "give either --canary or --pin")
	case len(o.canaries) > 0:
		o.stage.Move = func(m *install.Manifest, r install.Release) error { return m.Try(r, o.canaries) }
	case cmd.Flags().Changed("pin"):
		o.script = true // it needs no programs of this build
		o.stage.Move = func(m *install.Manifest, _ install.Release) error { return m.Pin(o.pin) }
	default:
		o.stage.Move = (*install.Manifest).Upgrade
	}
	o.deployed = true
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
	fmt.Fprintln(p.Stdout, "\nNodes install the version within 20 minutes; the metric parascope_install_info shows the version of each.")
	return nil
}
