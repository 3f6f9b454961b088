package device

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

const (
	logPageSource = "NVMe log page 0xD0 of /dev/nvme*"
	ebsWhere      = "Nitro-based EC2 instances with EBS volumes"
	storeWhere    = "Nitro-based EC2 instances with instance-store disks"
)

// ebsLimits are the limits of a volume of EBS, in the page's order.
var ebsLimits = []struct {
	family *page.Family
	micros func(limits) uint64
}{
	{ebsFamily("volume_iops", "demand for I/O operations exceeded the volume's provisioned IOPS"),
		func(l limits) uint64 { return l.volumeIOPS }},
	{ebsFamily("volume_throughput", "demand for throughput exceeded the volume's provisioned throughput"),
		func(l limits) uint64 { return l.volumeThroughput }},
	{ebsFamily("instance_iops", "demand for I/O operations exceeded the instance's maximum EBS IOPS"),
		func(l limits) uint64 { return l.instanceIOPS }},
	{ebsFamily("instance_throughput", "demand for throughput exceeded the instance's maximum EBS throughput"),
		func(l limits) uint64 { return l.instanceThroughput }},
}

func ebsFamily(what, when string) *page.Family {
	return &page.Family{
		Name: "node_ebs_" + what + "_exceeded_seconds_total", Help: "Time since the volume was attached during which " + when + ".",
		Type: page.Counter, Unit: "seconds", Labels: []string{"device", "volume_id"}, Source: logPageSource, Where: ebsWhere,
	}
}

// storeLimits are those of an instance-store disk.
var storeLimits = [2]struct {
	family *page.Family
	micros func(limits) uint64
}{
	{storeFamily("iops", "I/O operations"), func(l limits) uint64 { return l.instanceIOPS }},
	{storeFamily("throughput", "throughput"), func(l limits) uint64 { return l.instanceThroughput }},
}

func storeFamily(what, demand string) *page.Family {
	return &page.Family{
		Name: "node_instance_store_" + what + "_exceeded_seconds_total",
		Help: "Time during which demand for " + demand + " exceeded an instance-store disk's maximum: the sum of the node's disks, " +
			"or one series per disk with --device=each.",
		Type: page.Counter, Unit: "seconds", Labels: []string{"device"}, Source: logPageSource, Where: storeWhere,
	}
}

var logPageErrors = &page.Family{
	Name: "node_nvme_log_page_errors_total",
	Help: "Failed reads of a disk's log page. A disk that cannot be read has no series of these metrics, or is missing from the sums. " +
		"Absent until the first failure.",
	Type: page.Counter, Unit: "1", Source: "the program", Where: "Nitro-based EC2 instances", Failed: true,
}

// logPage fills buf with the log page of the NVMe device at path.
type logPage func(path string, buf []byte) error

// nvmeCollector measures EBS and instance store by asking for their log pages with
// ask, or the kernel if that is nil. A kernel is not asked about an imitated tree.
func nvmeCollector(ask logPage) page.Collector {
	var families []*page.Family
	for _, l := range ebsLimits {
		families = append(families, l.family)
	}
	for _, l := range storeLimits {
		families = append(families, l.family)
	}
	return page.Collector{
		Name:      "nvme",
		Families:  append(families, logPageErrors),
		Sources:   []string{logPageSource, "/sys/class/nvme/*/model", "/sys/class/nvme/*/serial"},
		Privilege: "root or CAP_SYS_ADMIN, and read access to /dev/nvme*, for the NVMe admin command",
		Open: func(env page.Env) (page.Reader, error) {
			r := &nvmeReader{env: env, ask: ask, list: newListing(env.Sys("class/nvme")), buf: make([]byte, logPageSize)}
			if ask == nil {
				if env.Imitated() {
					return nil, page.ErrAbsent
				}
				r.ask = askLogPage
			}
			return r, nil
		},
	}
}

type nvmeReader struct {
	env    page.Env
	ask    logPage
	list   *listing
	disks  []nvmeDisk
	sum    total.Sum // of storeLimits, in microseconds
	errors uint64
	buf    []byte
	small  []byte
}

// nvmeDisk is a device of AWS.
type nvmeDisk struct {
	path     string // /dev/nvme1
	block    string // nvme1n1, as in node_disk_*
	volume   string // vol-0123…; empty for instance store
	ebs      bool
	without  bool // it does not have the log page
	limits   limits
	measured bool // limits are of this reading
}

// Read implements page.Reader.
func (r *nvmeReader) Read(p *page.Page) error {
	switch changed, err := r.list.changed(); {
	case errors.Is(err, fs.ErrNotExist):
		return page.ErrAbsent
	case err != nil:
		return err
	case changed:
		r.scan()
	}
	if len(r.disks) == 0 {
		return page.ErrAbsent
	}
	for i := range r.disks {
		if err := r.measure(&r.disks[i]); err != nil {
			return err
		}
	}
	for _, l := range ebsLimits {
		for _, d := range r.disks {
			if d.measured && d.ebs {
				p.Sample(l.family, seconds(float64(l.micros(d.limits))), d.block, d.volume)
			}
		}
	}
	r.writeStore(p)
	if r.errors > 0 {
		p.Sample(logPageErrors, float64(r.errors))
	}
	return nil
}

// writeStore writes the limits of the instance-store disks.
func (r *nvmeReader) writeStore(p *page.Page) {
	r.sum.Begin(len(storeLimits))
	for _, d := range r.disks {
		if d.measured && !d.ebs {
			r.sum.Add([]byte(d.block), []uint64{storeLimits[0].micros(d.limits), storeLimits[1].micros(d.limits)})
		}
	}
	totals, disks := r.sum.End()
	if !r.env.EachDevice {
		for i, l := range storeLimits {
			if disks > 0 {
				p.Sample(l.family, seconds(totals[i]), "all")
			}
		}
		return
	}
	for _, l := range storeLimits {
		for _, d := range r.disks {
			if d.measured && !d.ebs {
				p.Sample(l.family, seconds(float64(l.micros(d.limits))), d.block)
			}
		}
	}
}

// seconds converts microseconds.
func seconds(micros float64) float64 { return micros / 1e6 }

// measure asks the disk for its limits. The error is one that all disks would have.
func (r *nvmeReader) measure(d *nvmeDisk) error {
	d.measured = false
	if d.without {
		return nil
	}
	clear(r.buf)
	err := r.ask(d.path, r.buf)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the collector nvme needs root or CAP_SYS_ADMIN, and read access to /dev/nvme*", err)
	case errors.Is(err, errNoSuchPage):
		d.without = true
		return nil
	case err != nil:
		r.list.forget()
		if !gone(err) {
			r.errors++
		}
		return nil
	}
	if d.limits, err = decodeLogPage(r.buf); err != nil || d.limits.ebs != d.ebs {
		if !empty(r.buf) { // an older card answers with nothing
			r.errors++
		}
		return nil
	}
	d.measured = true
	return nil
}

func empty(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

var controllerName = regexp.MustCompile(`^nvme[0-9]+$`)

// maxDisks is how many disks are measured; no instance takes as many.
const maxDisks = 256

// scan finds the disks of AWS.
func (r *nvmeReader) scan() {
	r.disks = r.disks[:0]
	for _, name := range r.list.names() {
		if !controllerName.MatchString(name) || len(r.disks) == maxDisks {
			continue
		}
		d := nvmeDisk{path: r.env.Path("dev/" + name), block: name + "n1"}
		switch r.attribute(name, "model") {
		case "Amazon Elastic Block Store":
			d.ebs, d.volume = true, volumeID(r.attribute(name, "serial"))
		case "Amazon EC2 NVMe Instance Storage":
		default:
			continue
		}
		r.disks = append(r.disks, d)
	}
}

// attribute is the value of a controller's file in sysfs, or nothing.
func (r *nvmeReader) attribute(controller, file string) string {
	b, err := read.All(r.env.Sys(filepath.Join("class/nvme", controller, file)), &r.small)
	if err != nil || len(b) > 128 {
		return ""
	}
	return string(read.Trim(b))
}

// volumeID is a volume's id, which its serial number has without the hyphen.
func volumeID(serial string) string {
	if id, found := strings.CutPrefix(serial, "vol"); found && !strings.HasPrefix(id, "-") {
		return "vol-" + id
	}
	return serial
}

// Close implements page.Reader.
func (r *nvmeReader) Close() error { return r.list.Close() }
