package headside

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/doctor"
)

const dialWithin = 5 * time.Second

// checkRouteAMP connects to the receiver, and asks nothing.
func checkRouteAMP(ctx context.Context, e *Env) Finding {
	u := e.receiver()
	if u == nil {
		return doctor.Skip("the configuration has no remote_write")
	}
	return e.dial(ctx, u, "an interface endpoint of aps-workspaces")
}

// checkRouteS3 connects to S3 in the cluster's region: nodes fetch what they install there.
func checkRouteS3(ctx context.Context, e *Env) Finding {
	if e.facts.Region == "" {
		return doctor.Skip("this machine is not a ParallelCluster node")
	}
	suffix := ""
	if strings.HasPrefix(e.facts.Region, "cn-") {
		suffix = ".cn"
	}
	text := cmp.Or(e.Getenv("AWS_ENDPOINT_URL_S3"), e.Getenv("AWS_ENDPOINT_URL"),
		"https://s3."+e.facts.Region+".amazonaws.com"+suffix)
	u, err := url.Parse(text)
	if err != nil {
		return doctor.Unasked(err)
	}
	return e.dial(ctx, u, "an S3 gateway endpoint in its route table")
}

// dial opens a connection, and closes it.
func (e *Env) dial(ctx context.Context, u *url.URL, instead string) Finding {
	port := cmp.Or(u.Port(), map[string]string{"http": "80"}[u.Scheme], "443")
	address := net.JoinHostPort(u.Hostname(), port)
	d := net.Dialer{Timeout: dialWithin}
	c, err := d.DialContext(ctx, "tcp", address)
	if ctx.Err() != nil {
		return doctor.Unasked(ctx.Err())
	}
	if err != nil {
		return doctor.Fault(err.Error(), "the subnet needs a route to the internet (a NAT gateway) or "+instead+
			"; security groups must allow outbound TCP "+port+"")
	}
	c.Close()
	return doctor.Good(address)
}
