package status

import (
	"fmt"
	"time"

	"github.com/parascope/parascope/internal/cluster/words"
)

// why says why a node, or an instance of which no node is known, is not scraped.
func why(n *Node, i *instance, unknown map[string]string, m measured, now time.Time) string {
	if unknown["metrics"] != "" {
		return "unknown: the metrics could not be queried"
	}
	launched := time.Time{}
	kind := "compute"
	if n != nil {
		kind = n.Type
		if n.Launched != nil {
			launched = *n.Launched
		}
		if why := whyNode(n, m); why != "" {
			return why
		}
	}
	if i != nil {
		launched, kind = i.launched, i.kind
	}
	age := now.Sub(launched).Round(time.Minute)
	switch {
	case kind == "compute" && !launched.IsZero() && age < booting:
		return fmt.Sprintf("the node is booting: launched %s ago, not yet registered with Slurm", short(age))
	case kind == "compute":
		return "the node is not registered with Slurm, and ParallelCluster will terminate it; see the console output of its instance"
	case kind == "login":
		return "the head does not scrape the node; if the login node started after a cluster update, its OnNodeUpdated script did not run"
	case m.last.IsZero():
		return "no sample of this cluster has arrived in the last hour"
	}
	return "the head does not scrape the node"
}

// whyNode is the reason of a node that Slurm or the head know, "" where they say none.
func whyNode(n *Node, m measured) string {
	up, target := m.up[n.Name]
	switch {
	case n.State == "powering_up":
		return "the node is powering up"
	case n.State == "powering_down":
		return "the node is powering down"
	case target && up.job == "":
		return "the node does not answer on the port that is scraped"
	case target:
		return "the node does not answer (job " + words.Printable(up.job) + "); on the node, run 'systemctl status parascope-node'"
	case m.state[n.Name] != "":
		return "the node is registered with Slurm; the head scrapes the node within 15 s"
	}
	return ""
}

// short is a duration without seconds.
func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// next are the commands that a person types next.
func next(s *Status, region string) []string {
	name := words.Word(s.Cluster.Name)
	on := " --cluster-name " + name + " --region " + region
	compute, waiting := 0, 0
	for _, n := range s.Nodes {
		if n.Type == "compute" && n.Scraped {
			compute++
		}
		if !n.Scraped && (n.State == "powering_up" || n.State == "powering_down") {
			waiting++
		}
	}
	switch {
	case s.Cluster.Status != "CREATE_COMPLETE" && s.Cluster.Status != "UPDATE_COMPLETE":
		return []string{"pcluster describe-cluster" + on}
	case len(s.Unknown) > 0:
		return []string{"aws sts get-caller-identity"}
	case s.LastSample == nil:
		return []string{"pcluster ssh" + on, "sudo systemctl status prometheus", "grep -A10 remote_write /opt/prometheus/prometheus.yml"}
	case waiting > 0:
		return []string{"parascope cluster status " + name}
	case compute == 0:
		return []string{"pcluster ssh" + on, "sbatch --wrap 'sleep 60'"}
	}
	return []string{"parascope query 'up{cluster=\"" + s.Cluster.Name + "\"}'"}
}
