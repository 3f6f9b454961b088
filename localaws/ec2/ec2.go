// Package ec2 is the local cloud's Amazon EC2, as far as its networks go, and who is
// in them: VPCs, subnets, gateways, addresses, routes, endpoints and instances. They
// are records that obey AWS's rules; no packet passes through them, and no machine runs.
package ec2

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; the delays may be zero.
type Options struct {
	State          *state.DB
	NewID          func() string // UUIDs
	NATCreateDelay time.Duration // how long a new NAT gateway is pending
	NATDeleteDelay time.Duration // how long a deleted one is deleting
}

// EC2 is the service.
type EC2 struct{ opts Options }

// New opens the service on its state.
func New(o Options) (*EC2, error) { return &EC2{opts: o}, nil }

// networks is the bucket of the service: region → network. A region's network
// is small and its parts refer to each other, so it is kept as one value.
const networks = "ec2-networks"

// call is an operation at work: the request and the network of its region.
type call struct {
	*gateway.Request
	*network.Network
	ec2 *EC2
}

// reads makes an operation of f, which looks at the region's network.
func (e *EC2) reads(f func(*call) (any, error)) func(http.ResponseWriter, *gateway.Request) error {
	return e.serve(f, e.opts.State.View, nil)
}

// changes makes an operation of f. What it did to the network is kept when f
// returns without an error.
func (e *EC2) changes(f func(*call) (any, error)) func(http.ResponseWriter, *gateway.Request) error {
	return e.serve(f, e.opts.State.Update, func(tx *state.Tx, c *call) error {
		return tx.Put(networks, c.Region, c.Network)
	})
}

func (e *EC2) serve(f func(*call) (any, error), transaction func(func(*state.Tx) error) error,
	keep func(*state.Tx, *call) error) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		if err := authorizeTags(r); err != nil {
			return err
		}
		if r.Form.Get("DryRun") == "true" {
			return &gateway.Error{Status: http.StatusPreconditionFailed, Code: "DryRunOperation",
				Message: "Request would have succeeded, but DryRun flag is set."}
		}
		var answer any
		err := transaction(func(tx *state.Tx) error {
			n, err := load(tx, r.Region, r.Now)
			if err != nil {
				return err
			}
			c := &call{Request: r, Network: n, ec2: e}
			if answer, err = f(c); err != nil || keep == nil {
				return err
			}
			n.Settle(r.Now) // the answer shows what was changed
			return keep(tx, c)
		})
		if err != nil {
			return err
		}
		return gateway.WriteEC2(w, r, answer)
	}
}

// load reads a region's network as it is at now.
func load(tx *state.Tx, region string, now time.Time) (*network.Network, error) {
	n := network.New()
	if _, err := tx.Get(networks, region, n); err != nil {
		return nil, fmt.Errorf("could not load the network of %s: %w", region, err)
	}
	n.Settle(now)
	return n, nil
}

// newID makes an identifier as EC2 does: the kind's prefix and 17 hex digits.
func (c *call) newID(prefix string) string {
	return prefix + "-0" + strings.ReplaceAll(c.ec2.opts.NewID(), "-", "")[:16]
}

// done is the answer of the operations that have nothing to say.
type done struct {
	Return bool `xml:"return"`
}

// dependency refuses to delete what still has something in or on it.
func dependency(what, id string) error {
	return query.Failure("DependencyViolation", "The "+what+" '"+id+"' has dependencies and cannot be deleted.")
}
