package device

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/safchain/ethtool"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/total"
)

// enaCounters are the counters of the packets that AWS queued or dropped since the
// card was last reset because the instance exceeded what it is allowed. The metrics
// have the names and the type that node_exporter's ethtool collector gives them.
var enaCounters = []struct {
	stat   string
	family *page.Family
}{
	{"bw_in_allowance_exceeded", enaFamily("bw_in_allowance_exceeded",
		"the bandwidth of incoming traffic exceeded the instance's maximum")},
	{"bw_out_allowance_exceeded", enaFamily("bw_out_allowance_exceeded",
		"the bandwidth of outgoing traffic exceeded the instance's maximum")},
	{"pps_allowance_exceeded", enaFamily("pps_allowance_exceeded",
		"the packets per second in both directions exceeded the instance's maximum")},
	{"conntrack_allowance_exceeded", enaFamily("conntrack_allowance_exceeded",
		"the tracked connections exceeded the instance's maximum")},
	{"linklocal_allowance_exceeded", enaFamily("linklocal_allowance_exceeded",
		"the packet rate to link-local services (DNS, instance metadata, Amazon Time Sync) exceeded the network interface's maximum")},
}

func enaFamily(stat, because string) *page.Family {
	return &page.Family{
		Name: "node_ethtool_" + stat, Help: "Packets queued or dropped because " + because +
			". The counter is the sum over the node's ENA network interfaces; with --device=each, there is one series per interface.",
		Type: page.Untyped, Unit: "1", Labels: []string{"device"}, Source: "ethtool -S", Where: "EC2 instances with ENA and a driver that " +
			"has the counter",
	}
}

var (
	enaAvailable = &page.Family{
		Name: "node_ethtool_conntrack_allowance_available",
		Help: "Connections that can still be tracked before the instance's maximum is reached: the lowest value of the node's ENA " +
			"network interfaces; with --device=each, there is one series per interface.",
		Type: page.Untyped, Unit: "1", Labels: []string{"device"}, Source: "ethtool -S", Where: "EC2 instances with ENA, driver 2.8.1 and later",
		Full: true,
	}
	enaErrors = &page.Family{
		Name: "node_ethtool_read_errors_total",
		Help: "Failed reads of the counters of an ENA network interface. An interface that cannot be read is missing from the sums. " +
			"Absent until the " +
			"first failure.",
		Type: page.Counter, Unit: "1", Source: "the program", Where: "EC2 instances with ENA", Failed: true,
	}
)

// enaAvailableStat is the name of enaAvailable's value.
const enaAvailableStat = "conntrack_allowance_available"

// cardStats returns a network card's driver statistics, as ethtool -S shows them, and
// none with an error.
type cardStats func(card string) (map[string]uint64, error)

// enaCollector measures ENA by asking stats, or the kernel if that is nil. A kernel
// is not asked about an imitated tree.
func enaCollector(stats cardStats) page.Collector {
	families := make([]*page.Family, 0, len(enaCounters)+2)
	for _, c := range enaCounters {
		families = append(families, c.family)
	}
	return page.Collector{
		Name: "ena", Also: "ethtool",
		Families: append(families, enaAvailable, enaErrors),
		Sources:  []string{"ioctl SIOCETHTOOL (ethtool -S) of network interfaces with the driver ena", "/sys/class/net/*/device/driver"},
		Open: func(env page.Env) (page.Reader, error) {
			r := &enaReader{env: env, list: newListing(env.Sys("class/net")), stats: stats, sums: make([]total.Sum, len(enaCounters))}
			if stats != nil {
				return r, nil
			}
			if env.Imitated() {
				return nil, page.ErrAbsent
			}
			handle, err := ethtool.NewEthtool()
			if err != nil {
				return nil, fmt.Errorf("could not open a socket to read ethtool statistics: %w", err)
			}
			r.handle = handle
			names, values := new(ethtool.EthtoolGStrings), new(ethtool.EthtoolStats)
			r.stats = func(card string) (map[string]uint64, error) { return handle.StatsWithBuffer(card, names, values) }
			return r, nil
		},
	}
}

type enaReader struct {
	env    page.Env
	list   *listing
	stats  cardStats
	handle *ethtool.Ethtool // nil if stats was given
	cards  []enaCard
	sums   []total.Sum // of enaCounters
	errors uint64
}

type enaCard struct {
	name   string
	values map[string]uint64 // nil where it could not be read
}

// Read implements page.Reader.
func (r *enaReader) Read(p *page.Page) error {
	switch changed, err := r.list.changed(); {
	case errors.Is(err, fs.ErrNotExist):
		return page.ErrAbsent
	case err != nil:
		return err
	case changed:
		r.scan()
	}
	if len(r.cards) == 0 {
		return page.ErrAbsent
	}
	for i := range r.cards {
		c := &r.cards[i]
		var err error
		if c.values, err = r.stats(c.name); err != nil {
			r.list.forget()
			if !gone(err) {
				r.errors++
			}
		}
	}
	for i := range enaCounters {
		r.write(p, i)
	}
	r.writeAvailable(p)
	if r.errors > 0 {
		p.Sample(enaErrors, float64(r.errors))
	}
	return nil
}

// write writes the counter enaCounters[i].
func (r *enaReader) write(p *page.Page, i int) {
	counter, sum := enaCounters[i], &r.sums[i]
	sum.Begin(1)
	for _, c := range r.cards {
		value, ok := c.values[counter.stat]
		if !ok {
			continue
		}
		sum.Add([]byte(c.name), []uint64{value})
		if r.env.EachDevice {
			p.Sample(counter.family, float64(value), c.name)
		}
	}
	if totals, cards := sum.End(); cards > 0 && !r.env.EachDevice {
		p.Sample(counter.family, totals[0], "all")
	}
}

func (r *enaReader) writeAvailable(p *page.Page) {
	least := uint64(math.MaxUint64)
	for _, c := range r.cards {
		value, ok := c.values[enaAvailableStat]
		if !ok {
			continue
		}
		least = min(least, value)
		if r.env.EachDevice {
			p.Sample(enaAvailable, float64(value), c.name)
		}
	}
	if least != math.MaxUint64 && !r.env.EachDevice {
		p.Sample(enaAvailable, float64(least), "all")
	}
}

// maxCards is how many ENA cards are measured; no instance type has as many.
const maxCards = 256

// scan finds the cards with the driver ena.
func (r *enaReader) scan() {
	r.cards = r.cards[:0]
	for _, name := range r.list.names() {
		driver, err := os.Readlink(r.env.Sys(filepath.Join("class/net", name, "device/driver")))
		if err == nil && filepath.Base(driver) == "ena" && len(r.cards) < maxCards {
			r.cards = append(r.cards, enaCard{name: name})
		}
	}
}

// Close implements page.Reader.
func (r *enaReader) Close() error {
	if r.handle != nil {
		r.handle.Close()
	}
	return r.list.Close()
}
