package device

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

const (
	rpcFile    = "/proc/net/rpc/nfs"
	mountstats = "/proc/self/mountstats"
)

var (
	nfsCalls = &page.Family{
		Name: "node_nfs_rpcs_total", Help: "Total number of RPCs performed.",
		Type: page.Counter, Unit: "1", Source: rpcFile, Where: "NFS clients",
	}
	nfsRetransmissions = &page.Family{
		Name: "node_nfs_rpc_retransmissions_total", Help: "Number of RPC transmissions performed.",
		Type: page.Counter, Unit: "1", Source: rpcFile, Where: "NFS clients",
	}
	nfsServerRetransmissions = &page.Family{
		Name: "node_nfs_server_retransmissions_total",
		Help: "Requests retransmitted to this NFS server, for all of its mounted exports: the server or the network lost the request or " +
			"the response.",
		Type: page.Counter, Unit: "1", Labels: []string{"server"}, Source: mountstats, Where: "nodes with NFS mounts",
	}
)

var nfs = page.Collector{
	Name:     "nfs",
	Families: []*page.Family{nfsCalls, nfsRetransmissions, nfsServerRetransmissions},
	Sources:  []string{rpcFile, mountstats},
	Open: func(env page.Env) (page.Reader, error) {
		return &nfsReader{env: env, servers: map[string]*nfsServer{}, exports: map[string]bool{}}, nil
	},
}

// maxServers is how many servers' counts are kept and written.
const maxServers = 64

type nfsReader struct {
	env     page.Env
	buf     []byte
	servers map[string]*nfsServer
	order   []*nfsServer // of the last reading, by name
	exports map[string]bool
	round   int
}

// nfsServer is what is known of a server, over its exports.
type nfsServer struct {
	name            string
	retransmissions total.Sum
	round           int // the last reading that found an export
}

// Read implements page.Reader.
func (r *nfsReader) Read(p *page.Page) error {
	text, err := read.All(r.env.Proc("net/rpc/nfs"), &r.buf)
	if errors.Is(err, fs.ErrNotExist) {
		return page.ErrAbsent
	}
	if err != nil {
		return err
	}
	s, err := parseRPC(text)
	if err != nil {
		return fmt.Errorf("%s: %w", rpcFile, err)
	}
	p.Sample(nfsCalls, float64(s.calls))
	p.Sample(nfsRetransmissions, float64(s.retransmissions))

	text, err = read.All(r.env.Proc("self/mountstats"), &r.buf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.round++
	for _, s := range r.servers {
		s.retransmissions.Begin(1)
	}
	clear(r.exports)
	if err := parseMountstats(text, r.add); err != nil {
		return fmt.Errorf("%s: %w", mountstats, err)
	}
	r.write(p)
	return nil
}

// add adds a mounted export to its server's counts. An export that is mounted twice
// has one set of counts, which stands at both places; mounted with other options it
// has two, of which the first is taken.
func (r *nfsReader) add(export []byte, retransmissions uint64) {
	key := string(export)
	if r.exports[key] {
		return
	}
	r.exports[key] = true
	name := string(serverOf(export))
	server := r.servers[name]
	if server == nil {
		if len(r.servers) >= maxServers && !r.forget() {
			return
		}
		server = &nfsServer{name: name}
		server.retransmissions.Begin(1)
		r.servers[name] = server
	}
	server.round = r.round
	server.retransmissions.Add(export, []uint64{retransmissions})
}

// forget makes room by forgetting a server without mounts at this reading and the last.
func (r *nfsReader) forget() bool {
	for name, s := range r.servers {
		if s.round < r.round-1 {
			delete(r.servers, name)
			return true
		}
	}
	return false
}

func (r *nfsReader) write(p *page.Page) {
	r.order = r.order[:0]
	for _, s := range r.servers {
		if s.round == r.round {
			r.order = append(r.order, s)
		}
	}
	slices.SortFunc(r.order, func(a, b *nfsServer) int { return strings.Compare(a.name, b.name) })
	for _, s := range r.order {
		totals, _ := s.retransmissions.End()
		p.Sample(nfsServerRetransmissions, totals[0], s.name)
	}
}

// Close implements page.Reader.
func (r *nfsReader) Close() error { return nil }
