package device

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
)

// tree is an imitated machine: files in a folder that stands for /, and what the
// kernel answers where there are no files.
type tree struct {
	t     testing.TB
	root  string
	now   time.Time
	cards map[string]map[string]uint64 // ethtool -S of each card
	pages map[string][]byte            // log pages, by the path of the device below root
}

func newTree(t testing.TB) *tree {
	return &tree{
		t: t, root: t.TempDir(), now: time.Unix(1_795_000_000, 0),
		cards: map[string]map[string]uint64{}, pages: map[string][]byte{},
	}
}

func (tr *tree) env() page.Env {
	return page.Env{Root: tr.root, Now: func() time.Time { return tr.now }, Logger: slog.New(slog.DiscardHandler)}
}

// file writes a file of the imitated machine.
func (tr *tree) file(path, content string) {
	tr.t.Helper()
	path = filepath.Join(tr.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tr.t.Fatal(err)
	}
}

// remove removes a file or a folder with all that is in it.
func (tr *tree) remove(path string) {
	tr.t.Helper()
	if err := os.RemoveAll(filepath.Join(tr.root, path)); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) link(path, target string) {
	tr.t.Helper()
	path = filepath.Join(tr.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		tr.t.Fatal(err)
	}
}

// The counters of EFA devices by what their driver and Nitro card have.
var (
	portCounters = []string{
		"tx_bytes", "tx_pkts", "rx_bytes", "rx_pkts", "rx_drops", "send_bytes", "send_wrs", "recv_bytes", "recv_wrs",
		"rdma_read_wrs", "rdma_read_bytes", "rdma_read_wr_err", "rdma_read_resp_bytes",
		"rdma_write_wrs", "rdma_write_bytes", "rdma_write_wr_err", "rdma_write_recv_bytes",
	}
	nitro4Counters = []string{
		"retrans_bytes", "retrans_pkts", "retrans_timeout_events", "unresponsive_remote_events", "impaired_remote_conn_events",
	}
	driverCounters = []string{
		"submitted_cmds", "completed_cmds", "cmds_err", "no_completion_cmds", "keep_alive_rcvd", "alloc_pd_err",
		"create_qp_err", "create_cq_err", "reg_mr_err", "alloc_ucontext_err", "create_ah_err", "mmap_err",
	}
)

// efaValue is what the counter at place i of its list counts on device n.
func efaValue(i, n int) uint64 { return uint64(i+1)*1_000_000_007 + uint64(n)*13 }

// efa adds EFA device n, with the given counters of its port.
func (tr *tree) efa(n int, name string, port []string) {
	folder := "sys/class/infiniband/" + name
	tr.link(folder+"/device/driver", "../../../../bus/pci/drivers/efa")
	tr.file(folder+"/device/vendor", "0x1d0f\n")
	tr.file(folder+"/ports/1/state", "4: ACTIVE\n")
	tr.file(folder+"/ports/1/link_layer", "Unknown\n")
	for folder, counters := range map[string][]string{folder + "/ports/1/hw_counters/": port, folder + "/hw_counters/": driverCounters} {
		tr.file(folder+"lifespan", "12\n")
		for i, c := range counters {
			tr.file(folder+c, fmt.Sprintln(efaValue(i, n)))
		}
	}
}

// ena adds a network card with the driver ena.
func (tr *tree) ena(name string, stats map[string]uint64) {
	tr.link("sys/class/net/"+name+"/device/driver", "../../../bus/pci/drivers/ena")
	tr.cards[name] = stats
}

// allowances are the statistics of the ENA card n.
func allowances(n uint64) map[string]uint64 {
	return map[string]uint64{
		"tx_timeout": 1, "bw_in_allowance_exceeded": 10 + n, "bw_out_allowance_exceeded": 20 + n, "pps_allowance_exceeded": 30 + n,
		"conntrack_allowance_exceeded": 0, "linklocal_allowance_exceeded": 40 + n, "conntrack_allowance_available": 136_812 - n,
		"queue_0_tx_cnt": 99,
	}
}

// nvme adds an NVMe device of AWS.
func (tr *tree) nvme(name, model, serial string, logPage []byte) {
	tr.file("sys/class/nvme/"+name+"/model", fmt.Sprintf("%-40s\n", model))
	tr.file("sys/class/nvme/"+name+"/serial", serial+"\n")
	tr.pages["/dev/"+name] = logPage
}

func (tr *tree) ebs(n int, serial string) {
	v := uint64(n+1) * 1_500_000
	tr.nvme(fmt.Sprint("nvme", n), "Amazon Elastic Block Store", serial, logPageOf(tr.t, ebsLogPage{
		Magic: 0x3C23B510, ReadOps: 1, VolumeIOPS: v, VolumeThroughput: v + 1, InstanceIOPS: v + 2, InstanceThroughput: v + 3,
	}))
}

func (tr *tree) instanceStore(first, count int) {
	for n := first; n < first+count; n++ {
		tr.nvme(fmt.Sprint("nvme", n), "Amazon EC2 NVMe Instance Storage", fmt.Sprintf("AWS%017d", n), logPageOf(tr.t, instanceStoreLogPage{
			Magic: 0xEC2C0D7E, DiskIOPS: 1_000_000, DiskThroughput: uint64(n) * 1_000_000,
		}))
	}
}

// askPage answers for the log pages of the tree.
func (tr *tree) askPage(path string, buf []byte) error {
	b := tr.pages[strings.TrimPrefix(path, tr.root)]
	if b == nil {
		return &os.PathError{Op: "open", Path: path, Err: unix.ENXIO}
	}
	copy(buf, b)
	return nil
}

func (tr *tree) askCard(card string) (map[string]uint64, error) {
	if stats := tr.cards[card]; stats != nil {
		return stats, nil
	}
	return nil, unix.ENODEV
}

// collectors are those of Collectors, with the tree in the kernel's place.
func (tr *tree) collectors() []page.Collector {
	all := Collectors()
	for i := range all {
		switch all[i].Name {
		case "ena":
			all[i] = enaCollector(tr.askCard)
		case "nvme":
			all[i] = nvmeCollector(tr.askPage)
		}
	}
	return all
}

// open opens a collector, which is closed with the test.
func (tr *tree) open(c page.Collector, change func(*page.Env)) page.Reader {
	tr.t.Helper()
	env := tr.env()
	if change != nil {
		change(&env)
	}
	r, err := c.Open(env)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			tr.t.Error(err)
		}
	})
	return r
}

// readPage reads once and returns the samples without HELP and TYPE.
func readPage(t testing.TB, r page.Reader) string {
	t.Helper()
	var p page.Page
	if err := r.Read(&p); err != nil && !errors.Is(err, page.ErrAbsent) {
		t.Fatal(err)
	} else if err != nil {
		return "absent\n"
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	var samples strings.Builder
	for line := range strings.Lines(string(p.Bytes())) {
		if !strings.HasPrefix(line, "#") {
			samples.WriteString(line)
		}
	}
	return samples.String()
}

// fullPage is the page of all collectors.
func (tr *tree) fullPage(change func(*page.Env)) *page.Page {
	tr.t.Helper()
	env := tr.env()
	if change != nil {
		change(&env)
	}
	p := &page.Page{Full: env.Full}
	for _, c := range tr.collectors() {
		r := tr.open(c, change)
		if err := r.Read(p); err != nil && !errors.Is(err, page.ErrAbsent) {
			tr.t.Fatalf("collector %s: %v", c.Name, err)
		}
	}
	if err := p.Err(); err != nil {
		tr.t.Fatal(err)
	}
	return p
}
