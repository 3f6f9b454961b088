package headside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
)

// cause is why a target does not answer, by the words of Go's network errors and of the head.
type cause struct {
	words      []string
	text, next string
}

// causes in the order in which they are looked for. PORT stands for the target's.
var causes = [...]cause{
	{[]string{"connection refused"}, "refuse the connection: no program listens on the port",
		"on the node, run 'systemctl status parascope-node', and 'ss -ltnp sport = :PORT'"},
	{[]string{"i/o timeout", "deadline exceeded", "Client.Timeout"}, "do not answer",
		"if the cluster uses custom security groups, allow TCP PORT from the head node's group to the nodes' group; otherwise the node may hang"},
	{[]string{"no such host", "server misbehaving"}, "have host names that cannot be resolved",
		"check the cluster's private DNS zone, and /etc/resolv.conf"},
	{[]string{"no route to host", "network is unreachable"}, "are on a network that is unreachable",
		"check the route tables and network ACLs of the subnets"},
	{[]string{"HTTP status 401", "HTTP status 403"}, "require authentication",
		"set the job's basic_auth to a user of the exporter's --web.config.file"},
	{[]string{"HTTP status"}, "return an HTTP error", "'curl -i' on the target's URL shows the error"},
	{[]string{"tls:", "x509:", "HTTP response to HTTPS"}, "fail the TLS handshake",
		"set the job's scheme and tls_config to match the exporter's"},
	{nil, "serve a metrics page that cannot be parsed", "'curl' on the target's URL shows the page"},
}

// checkTargets groups the targets that do not answer by their cause. Those that wait for their
// first scrape are neither.
func checkTargets(_ context.Context, e *Env) Finding {
	if e.targets == nil {
		return doctor.Follows("head-running")
	}
	down := make([][]target, len(causes))
	up := 0
	for _, t := range e.targets {
		if t.Health != "down" {
			up++
			continue
		}
		for i, c := range causes {
			if c.words == nil || slices.ContainsFunc(c.words, func(w string) bool { return strings.Contains(t.LastError, w) }) {
				down[i] = append(down[i], t)
				break
			}
		}
	}
	var texts, nexts []string
	for i, all := range down {
		if len(all) == 0 {
			continue
		}
		var named []string
		for _, t := range all[:min(3, len(all))] {
			named = append(named, t.name())
		}
		if n := len(all) - len(named); n > 0 {
			named = append(named, fmt.Sprintf("%d more", n))
		}
		texts = append(texts, fmt.Sprintf("%s %s (%s)", strings.Join(named, ", "), causes[i].text, all[0].LastError))
		nexts = append(nexts, strings.ReplaceAll(causes[i].next, "PORT", all[0].port()))
	}
	if len(texts) > 0 {
		return doctor.Fault(strings.Join(texts, "; "), strings.Join(nexts, "; "))
	}
	return doctor.Good(fmt.Sprintf("%d targets", up))
}

func (t target) name() string {
	if node := t.Labels["node"]; node != "" {
		return t.ScrapePool + " of " + node
	}
	return t.ScrapePool + " of " + t.Labels["instance"]
}

func (t target) port() string {
	u, err := url.Parse(t.ScrapeURL)
	if err != nil || u.Port() == "" {
		return "9100"
	}
	return u.Port()
}

// checkSlurmTargets compares the addresses of Slurm's nodes with those that are scraped.
func checkSlurmTargets(ctx context.Context, e *Env) Finding {
	text, err := e.page(ctx, "/slurm/targets")
	if errors.Is(err, errNoPage) {
		return doctor.Skip(noSlurm)
	}
	var groups []struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	if err == nil {
		err = json.Unmarshal(text, &groups)
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	scraped := map[string]bool{}
	for _, t := range e.targets {
		if u, err := url.Parse(t.ScrapeURL); err == nil {
			scraped[u.Hostname()] = true
		}
	}
	var missing []string
	n := 0
	for _, g := range groups {
		for _, address := range g.Targets {
			n++
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				host = address
			}
			if !scraped[host] {
				missing = append(missing, g.Labels["node"])
			}
		}
	}
	if len(missing) > 0 {
		return doctor.Fault(fmt.Sprintf("%d of %d nodes are up in Slurm but are not targets: %s", len(missing), n,
			strings.Join(missing[:min(5, len(missing))], ", ")), "check that "+e.configFile()+
			" has the job node with http_sd_configs on http://"+e.Address+"/slurm/targets; 'sudo parascope-head setup' writes this configuration")
	}
	return doctor.Good(fmt.Sprintf("%d nodes", n))
}
