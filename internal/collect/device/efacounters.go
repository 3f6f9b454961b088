package device

import (
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
)

const (
	infiniband = "class/infiniband"
	portFiles  = "/sys/class/infiniband/*/ports/*/hw_counters/"
	driverFile = "/sys/class/infiniband/*/hw_counters/"
)

// efaFamilies are the counters that EFA's driver is known to have. Which ones a device
// has depends on the driver and on the instance type's Nitro card: a file that is not
// there makes no series. The names are those of AWS's own exporter of these files,
// without "_total"; they are untyped so that linters of metric names accept them.
var efaFamilies = []*page.Family{
	efaPort("tx_bytes", "bytes", "Bytes sent over EFA."),
	efaPort("tx_pkts", "1", "Packets sent over EFA."),
	efaPort("rx_bytes", "bytes", "Bytes received over EFA."),
	efaPort("rx_pkts", "1", "Packets received over EFA."),
	efaPort("rx_drops", "1", "Packets received over EFA and then dropped."),
	efaPort("send_bytes", "bytes", "Bytes sent by send operations."),
	efaPort("send_wrs", "1", "Send operations."),
	efaPort("recv_bytes", "bytes", "Bytes received by send operations of peers."),
	efaPort("recv_wrs", "1", "Send operations received."),
	efaPort("rdma_read_wrs", "1", "RDMA read operations completed."),
	efaPort("rdma_read_bytes", "bytes", "Bytes received by RDMA read operations."),
	efaPort("rdma_read_wr_err", "1", "RDMA read operations that failed on this node or on the peer."),
	efaPort("rdma_read_resp_bytes", "bytes", "Bytes sent in response to RDMA read operations of peers."),
	efaPort("rdma_write_wrs", "1", "RDMA write operations completed."),
	efaPort("rdma_write_bytes", "bytes", "Bytes sent by RDMA write operations."),
	efaPort("rdma_write_wr_err", "1", "RDMA write operations that failed on this node or on the peer."),
	efaPort("rdma_write_recv_bytes", "bytes", "Bytes received by RDMA write operations of peers."),
	efaNitro4("retrans_bytes", "bytes", "Bytes retransmitted. AWS's documentation swaps the units of retrans_bytes and retrans_pkts."),
	efaNitro4("retrans_pkts", "1", "Packets retransmitted over EFA."),
	efaNitro4("retrans_timeout_events", "1", "Retransmission timeouts after which traffic was moved to another network path."),
	efaNitro4("unresponsive_remote_events", "1", "Number of times that the remote end of an EFA connection did not respond."),
	efaNitro4("impaired_remote_conn_events", "1", "Number of times that an EFA connection was impaired and its throughput limited."),
	efaDriver("submitted_cmds", "Commands submitted to the EFA device."),
	efaDriver("completed_cmds", "Commands that the EFA device completed."),
	efaDriver("cmds_err", "Commands that failed on the EFA device."),
	efaDriver("no_completion_cmds", "Commands that the EFA device did not complete in time."),
	efaDriver("keep_alive_rcvd", "Keepalive events received from the EFA device."),
	efaDriver("alloc_pd_err", "Protection domains that could not be allocated."),
	efaDriver("create_qp_err", "Queue pairs that could not be created."),
	efaDriver("create_cq_err", "Completion queues that could not be created."),
	efaDriver("reg_mr_err", "Memory regions that could not be registered."),
	efaDriver("alloc_ucontext_err", "User contexts that could not be allocated."),
	efaDriver("create_ah_err", "Address handles that could not be created."),
	efaDriver("mmap_err", "Memory mappings that could not be created."),
	efaVerbs("alloc_mr_err", "Kernel memory regions that could not be created."),
	efaVerbs("get_dma_mr_err", "DMA memory regions that could not be created."),
}

const efaPrefix = "node_amazonefa_"

func efaPort(file, unit, help string) *page.Family {
	return efaFamily(file, unit, help, portFiles, "nodes with EFA and a driver that has the counter", page.NeedsNothing)
}

func efaNitro4(file, unit, help string) *page.Family {
	return efaFamily(file, unit, help, portFiles, "EFA on Nitro v4 and later, driver 2.17 and later", page.NeedsNitro4)
}

func efaDriver(file, help string) *page.Family {
	return efaFamily(file, "1", help, driverFile, "nodes with EFA and a driver that has the counter", page.NeedsNothing)
}

func efaVerbs(file, help string) *page.Family {
	return efaFamily(file, "1", help+" Only drivers that are built with kernel verbs have this counter.", driverFile,
		"nodes with EFA and a driver that has the counter", page.NeedsKernelVerbs)
}

func efaFamily(file, unit, help, folder, where string, needs page.Need) *page.Family {
	return &page.Family{
		Name: efaPrefix + file, Help: help + " The counter is the sum over the node's EFA devices; with --device=each, there is one " +
			"series per device and port.",
		Type: page.Untyped, Unit: unit, Labels: []string{"device"}, Source: folder + file, Where: where, Needs: needs,
	}
}

// ofEach is the family with a series for each device, and where ports is set for each
// of its ports.
func ofEach(f *page.Family, ports bool) *page.Family {
	each := *f
	if ports {
		each.Labels = []string{"device", "port"}
	}
	return &each
}

// unknownEFAFamily is the family of a counter that efaFamilies does not have, as a
// newer driver may.
func unknownEFAFamily(file string) *page.Family {
	unit := "1"
	if strings.HasSuffix(file, "_bytes") {
		unit = "bytes"
	}
	return efaFamily(file, unit, "EFA counter that this version of parascope does not describe; see the documentation of the EFA driver.",
		portFiles, "", page.NeedsNothing)
}

var (
	efaDevices = &page.Family{
		Name: "node_amazonefa_devices", Help: "Number of EFA devices that are present.",
		Type: page.Gauge, Unit: "1", Source: "/sys/class/infiniband", Where: "nodes with EFA, and nodes of an instance type with EFA",
	}
	efaExpected = &page.Family{
		Name: "node_amazonefa_devices_expected",
		Help: "Number of EFA devices that the node should have: EC2's maximum for its instance type. " +
			"Absent if the node's ParallelCluster compute resource has no EFA, or if this version does not know the instance type.",
		Type: page.Gauge, Unit: "1", Source: "a built-in table of instance types; /etc/chef/dna.json; the instance type as in " +
			"parascope_node_info",
		Where: "compute nodes with EFA enabled, and other nodes with EFA",
	}
	efaErrors = &page.Family{
		Name: "node_amazonefa_read_errors_total",
		Help: "Failed reads of EFA device counters. A counter that cannot be read is missing from the sum, or has no series. Absent until " +
			"the first failure.",
		Type: page.Counter, Unit: "1", Source: "the program", Where: "nodes with EFA", Failed: true,
	}
)

// maxEFA is how many EFA devices instance types have, for those of more than one and
// for the families with one that clusters are made of. Source: EC2's
// DescribeInstanceTypes, NetworkInfo.EfaInfo.MaximumEfaInterfaces, of 2026-08.
var maxEFA = map[string]int{
	"p4d.24xlarge": 4, "p4de.24xlarge": 4,
	"p5.4xlarge": 1, "p5.48xlarge": 32, "p5e.48xlarge": 32, "p5en.48xlarge": 16,
	"p6-b200.48xlarge": 8, "p6-b300.48xlarge": 16,
	"trn1.32xlarge": 8, "trn1n.32xlarge": 16, "trn2.48xlarge": 16,
	"p3dn.24xlarge": 1, "dl2q.24xlarge": 1, "inf1.24xlarge": 1,
	"g4dn.8xlarge": 1, "g4dn.12xlarge": 1, "g4dn.16xlarge": 1, "g4dn.metal": 1,
	"g5.8xlarge": 1, "g5.12xlarge": 1, "g5.16xlarge": 1, "g5.24xlarge": 1, "g5.48xlarge": 1,
	"g6.8xlarge": 1, "g6.12xlarge": 1, "g6.16xlarge": 1, "g6.24xlarge": 1, "g6.48xlarge": 1, "gr6.8xlarge": 1,
	"g6e.8xlarge": 1, "g6e.12xlarge": 1, "g6e.16xlarge": 1, "g6e.24xlarge": 2, "g6e.48xlarge": 4,
	"g7.8xlarge": 1, "g7.12xlarge": 1, "g7.24xlarge": 1, "g7.48xlarge": 2,
	"g7e.8xlarge": 1, "g7e.12xlarge": 1, "g7e.24xlarge": 2, "g7e.48xlarge": 4,
	"hpc6a.48xlarge": 1, "hpc6id.32xlarge": 2, "hpc8a.96xlarge": 2,
	"hpc7a.12xlarge": 2, "hpc7a.24xlarge": 2, "hpc7a.48xlarge": 2, "hpc7a.96xlarge": 2,
	"hpc7g.4xlarge": 1, "hpc7g.8xlarge": 1, "hpc7g.16xlarge": 1,
	"c5n.9xlarge": 1, "c5n.18xlarge": 1, "c5n.metal": 1,
	"c6gn.16xlarge": 1, "c7gn.16xlarge": 1, "c7gn.metal": 1, "c7g.16xlarge": 1, "c7g.metal": 1,
	"c6a.48xlarge": 1, "c6a.metal": 1, "c6i.32xlarge": 1, "c6i.metal": 1, "c6id.32xlarge": 1, "c6id.metal": 1,
	"c6in.32xlarge": 2, "c6in.metal": 2, "c7a.48xlarge": 1, "c7a.metal-48xl": 1, "c7i.48xlarge": 1, "c7i.metal-48xl": 1,
	"c8a.48xlarge": 1, "c8g.24xlarge": 1, "c8g.48xlarge": 1, "c8gn.16xlarge": 1, "c8gn.24xlarge": 1, "c8gn.48xlarge": 2,
	"c8i.48xlarge": 1, "c8i.96xlarge": 1, "c8in.48xlarge": 1, "c8in.96xlarge": 2,
	"m5n.24xlarge": 1, "m5dn.24xlarge": 1, "m6a.48xlarge": 1, "m6i.32xlarge": 1, "m6in.32xlarge": 2, "m6idn.32xlarge": 2,
	"m7a.48xlarge": 1, "m7g.16xlarge": 1, "m7i.48xlarge": 1, "m8a.48xlarge": 1, "m8g.24xlarge": 1, "m8g.48xlarge": 1, "m8i.48xlarge": 1,
	"r5n.24xlarge": 1, "r5dn.24xlarge": 1, "r6a.48xlarge": 1, "r6i.32xlarge": 1, "r6in.32xlarge": 2, "r6idn.32xlarge": 2,
	"r7a.48xlarge": 1, "r7g.16xlarge": 1, "r7i.48xlarge": 1, "r7iz.32xlarge": 1, "r8a.48xlarge": 1, "r8g.48xlarge": 1, "r8i.48xlarge": 1,
	"x2idn.32xlarge": 1, "x2iedn.32xlarge": 1, "i3en.24xlarge": 1, "i4i.32xlarge": 1, "i7ie.48xlarge": 1,
}
