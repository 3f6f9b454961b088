package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// family is one metric of a page and the label sets it has.
type family struct {
	name    string
	counter bool // its values grow from scrape to scrape
	labels  []string
}

// Devices of a p5.48xlarge, the node that stock pages are large on.
const (
	cpus  = 192
	nics  = 34
	efas  = 32
	disks = 9
	gpus  = 8
)

// nodePage is what node_exporter and its EFA collector print on a GPU node, the
// short families first, so that a page cut to any size has some of each kind.
func nodePage() []family {
	var all []family
	one := func(counter bool, names ...string) {
		for _, n := range names {
			all = append(all, family{n, counter, []string{""}})
		}
	}
	per := func(counter bool, labels []string, prefix string, names ...string) {
		for _, n := range names {
			all = append(all, family{prefix + n, counter, labels})
		}
	}
	one(false, "node_load1", "node_load5", "node_load15", "node_boot_time_seconds", "node_filefd_allocated", "node_procs_running",
		"node_procs_blocked",
		"node_memory_MemTotal_bytes", "node_memory_MemFree_bytes", "node_memory_MemAvailable_bytes", "node_memory_Buffers_bytes",
		"node_memory_Cached_bytes", "node_memory_Active_bytes", "node_memory_Inactive_bytes", "node_memory_Dirty_bytes", "node_memory_Slab_bytes")
	one(true, "node_context_switches_total", "node_forks_total", "node_intr_total", "node_vmstat_pgfault", "node_vmstat_pgmajfault",
		"node_vmstat_pgpgin", "node_vmstat_pgpgout", "node_vmstat_oom_kill", "node_netstat_Tcp_InSegs", "node_netstat_Tcp_OutSegs",
		"node_netstat_Tcp_RetransSegs", "node_netstat_Udp_InDatagrams", "node_netstat_Udp_OutDatagrams")
	filesystem := each(disks, `device="/dev/nvme%dn1",fstype="xfs",mountpoint="/scratch/%[1]d"`)
	per(false, filesystem, "node_filesystem_", "avail_bytes", "size_bytes", "free_bytes", "files", "files_free", "readonly", "device_error")
	per(true, each(disks, `device="nvme%dn1"`), "node_disk_", "reads_completed_total", "writes_completed_total", "read_bytes_total",
		"written_bytes_total", "io_time_seconds_total", "io_time_weighted_seconds_total", "read_time_seconds_total", "write_time_seconds_total")
	per(true, each(efas, `device="rdmap%ds0",port="1"`), "node_amazonefa_", "rx_bytes", "tx_bytes", "rx_pkts", "tx_pkts", "rx_drops",
		"recv_bytes", "recv_wrs", "send_bytes", "send_wrs", "rdma_read_bytes", "rdma_read_resp_bytes", "rdma_read_wr_err", "rdma_read_wrs",
		"rdma_write_bytes", "rdma_write_recv_bytes", "rdma_write_wr_err", "rdma_write_wrs", "retrans_bytes", "retrans_pkts",
		"retrans_timeout_events",
		"unresponsive_remote_events", "impaired_remote_conn_events", "lifespan")
	per(true, each(nics, `device="ens%d"`), "node_network_", "receive_bytes_total", "transmit_bytes_total", "receive_packets_total",
		"transmit_packets_total", "receive_errs_total", "transmit_errs_total", "receive_drop_total", "transmit_drop_total",
		"receive_multicast_total")
	per(false, each(nics, `device="ens%d"`), "node_network_", "up", "mtu_bytes", "speed_bytes", "carrier", "transmit_queue_length", "flags",
		"iface_id")
	modes := []string{}
	for _, mode := range []string{"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"} {
		modes = append(modes, each(cpus, `cpu="%d",mode="`+mode+`"`)...)
	}
	per(true, modes, "node_cpu_", "seconds_total")
	per(true, append(each(cpus, `cpu="%d",mode="user"`), each(cpus, `cpu="%d",mode="nice"`)...), "node_cpu_", "guest_seconds_total")
	per(true, each(cpus, `cpu="%d"`), "node_", "schedstat_running_seconds_total", "schedstat_waiting_seconds_total",
		"schedstat_timeslices_total",
		"softnet_processed_total", "softnet_dropped_total", "softnet_times_squeezed_total", "softnet_received_rps_total",
		"softnet_flow_limit_count_total")
	per(false, each(cpus, `cpu="%d"`), "node_", "cpu_scaling_frequency_hertz", "cpu_scaling_frequency_min_hertz",
		"cpu_scaling_frequency_max_hertz", "cpu_online")
	return all
}

// gpuPage is what dcgm-exporter prints with eight GPUs.
func gpuPage() []family {
	labels := each(gpus, `gpu="%d",UUID="GPU-00000000-0000-4000-8000-00000000000%[1]d",pci_bus_id="00000000:%[1]d3:00.0",device="nvidia%[1]d",modelName="NVIDIA H100 80GB HBM3",DCGM_FI_DRIVER_VERSION="580.105.08"`)
	all := []family{}
	for _, n := range []string{"SM_CLOCK", "MEM_CLOCK", "MEMORY_TEMP", "GPU_TEMP", "POWER_USAGE", "PCIE_REPLAY_COUNTER", "GPU_UTIL",
		"MEM_COPY_UTIL",
		"ENC_UTIL", "DEC_UTIL", "XID_ERRORS", "FB_FREE", "FB_USED", "FB_RESERVED", "UNCORRECTABLE_REMAPPED_ROWS", "CORRECTABLE_REMAPPED_ROWS",
		"ROW_REMAP_FAILURE", "VGPU_LICENSE_STATUS"} {
		all = append(all, family{"DCGM_FI_DEV_" + n, false, labels})
	}
	for _, n := range []string{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
		"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_DRAM_ACTIVE", "DCGM_FI_PROF_PCIE_TX_BYTES", "DCGM_FI_PROF_PCIE_RX_BYTES"} {
		all = append(all, family{n, true, labels})
	}
	return all
}

// each formats one label set per device.
func each(n int, format string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}

// cut keeps the first n series of the families, and fills up with interrupts,
// of which a real node has as many as one likes.
func cut(all []family, n int) []family {
	var out []family
	for _, f := range all {
		if n == 0 {
			break
		}
		f.labels = f.labels[:min(n, len(f.labels))]
		n -= len(f.labels)
		out = append(out, f)
	}
	if n > 0 {
		out = append(out, family{"node_interrupts_total", true, each(n, `cpu="0",devices="ens5-Tx-Rx",info="IR-PCI-MSI",type="%d"`)})
	}
	return slices.Clip(out)
}

// kind is the metric type as the TYPE line says it.
func (f family) kind() string {
	if f.counter || strings.HasSuffix(f.name, "_total") {
		return "counter"
	}
	return "gauge"
}
