package proof

import "github.com/parascope/parascope/internal/madeup"

// perNode is a metric by node.
func perNode(metric string, conditions ...string) func(moment) wanted {
	return func(m moment) wanted { return m.read(metric, conditions...).sum("node") }
}

// together are several metrics by node.
func together(metrics ...string) func(moment) wanted {
	return func(m moment) wanted {
		var all some
		for _, name := range metrics {
			all = append(all, m.read(name)...)
		}
		return all.sum("node")
	}
}

var expectNetwork = expectations{
	"network/EFA devices missing/A": func(m moment) wanted {
		if m.Faulty {
			return single(1)
		}
		return single(0)
	},
	"network/EFA/A":                       perNode("node_amazonefa_tx_bytes"),
	"network/EFA/B":                       perNode("node_amazonefa_rx_bytes"),
	"network/RDMA over EFA/A":             perNode("node_amazonefa_rdma_read_bytes"),
	"network/RDMA over EFA/B":             perNode("node_amazonefa_rdma_write_bytes"),
	"network/EFA packets retransmitted/A": perNode("node_amazonefa_retrans_pkts"),
	"network/EFA timeouts and impaired connections/A": func(m moment) wanted {
		w := wanted{by: []string{"node"}, values: map[string]float64{}}
		if m.Faulty { // one, two and three hundredths a second, all day
			w.values[madeup.GPUNode(1)] = 0.06 * shown * 3600
		}
		return w.extrapolated()
	},
	"network/EFA packets dropped/A":     perNode("node_amazonefa_rx_drops"),
	"network/Network limits exceeded/A": sumOf("node_ethtool_bw_in_allowance_exceeded", nil),
	"network/Network limits exceeded/B": sumOf("node_ethtool_bw_out_allowance_exceeded", nil),
	"network/Network limits exceeded/C": sumOf("node_ethtool_pps_allowance_exceeded", nil),
	"network/Network limits exceeded/D": sumOf("node_ethtool_conntrack_allowance_exceeded", nil),
	"network/Network limits exceeded/E": sumOf("node_ethtool_linklocal_allowance_exceeded", nil),
	"network/Network limits exceeded by node/A": func(m moment) wanted {
		w := wanted{by: []string{"node"}, values: map[string]float64{}}
		for node, rate := range together("node_ethtool_bw_in_allowance_exceeded", "node_ethtool_bw_out_allowance_exceeded",
			"node_ethtool_pps_allowance_exceeded", "node_ethtool_conntrack_allowance_exceeded",
			"node_ethtool_linklocal_allowance_exceeded")(m).values {
			if rate > 0 { // all day
				w.values[node] = rate * shown * 3600
			}
		}
		return w.extrapolated()
	},
	"network/Traffic/A":          perNode("node_network_receive_bytes_total"),
	"network/Traffic/B":          perNode("node_network_transmit_bytes_total"),
	"network/Errors and drops/A": together("node_network_receive_errs_total", "node_network_transmit_errs_total"),
	"network/Errors and drops/B": together("node_network_receive_drop_total", "node_network_transmit_drop_total"),
}

func perDisk(metric string) func(moment) wanted {
	return func(m moment) wanted { return m.read(metric).sum("node", "device") }
}

var expectStorage = expectations{
	"storage/EBS volume limits exceeded/A":           perDisk("node_ebs_volume_iops_exceeded_seconds_total"),
	"storage/EBS volume limits exceeded/B":           perDisk("node_ebs_volume_throughput_exceeded_seconds_total"),
	"storage/EBS instance limits exceeded/A":         perDisk("node_ebs_instance_iops_exceeded_seconds_total"),
	"storage/EBS instance limits exceeded/B":         perDisk("node_ebs_instance_throughput_exceeded_seconds_total"),
	"storage/Disks/A":                                perNode("node_disk_read_bytes_total"),
	"storage/Disks/B":                                perNode("node_disk_written_bytes_total"),
	"storage/Lustre/A":                               perNode("node_lustre_read_bytes_total"),
	"storage/Lustre/B":                               perNode("node_lustre_write_bytes_total"),
	"storage/Lustre operations/A":                    sumOf("node_lustre_operations_total", nil, "fsname", "operation"),
	"storage/Lustre requests timed out per second/A": perNode("node_lustre_rpc_timeouts_total"),
	"storage/NFS calls/A":                            perNode("node_nfs_rpcs_total"),
	"storage/NFS calls retransmitted/A":              sumOf("node_nfs_server_retransmissions_total", nil, "node", "server"),
	"storage/File systems full within a day/A": func(m moment) wanted {
		w := wanted{by: []string{"node", "mountpoint"}, values: map[string]float64{}}
		if m.Faulty { // 40 GB are left at three in the afternoon, and 5 GB an hour go
			w.values[madeup.LoginName+"//"] = 8 - (m.hour - 15)
		}
		return w.about(0.1)
	},
}

// events are what happened within what is shown, by labels.
func events(name string, by ...string) func(moment) wanted {
	return func(m moment) wanted {
		return m.grew(shown, "parallelcluster_"+name).where(positive).sum(by...).extrapolated()
	}
}

var expectParallelCluster = expectations{
	"aws-parallelcluster/Age of heartbeat/A": func(m moment) wanted {
		if m.Faulty {
			return single(3600*(m.hour-madeup.HeartbeatAt) + 12)
		}
		return single(12 + 120).about(121)
	},
	"aws-parallelcluster/Protected mode/A": func(m moment) wanted {
		if m.Faulty {
			return single(1)
		}
		return single(0)
	},
	"aws-parallelcluster/Compute fleet/A": func(m moment) wanted {
		return m.read("parallelcluster_compute_fleet_status").where(is(1)).sum("status")
	},
	"aws-parallelcluster/Unreadable files/A": func(m moment) wanted {
		return m.read("parallelcluster_file_success").where(is(0)).count().orZero()
	},
	"aws-parallelcluster/Nodes that EC2 did not launch/A": events("node_launch_failures_total", "queue", "compute_resource", "failure_type",
		"error_code"),
	"aws-parallelcluster/Nodes that did not finish their start/A": events("node_bootstrap_failures_total", "queue", "compute_resource",
		"failure_type"),
	"aws-parallelcluster/Nodes replaced after health checks/A": events("node_health_check_failures_total", "queue", "compute_resource",
		"check"),
	"aws-parallelcluster/Custom actions that failed/A": events("custom_action_failures_total", "queue", "compute_resource", "action",
		"stage"),
	"aws-parallelcluster/Nodes lost/A": func(m moment) wanted {
		if !m.Faulty {
			return wanted{}
		}
		lost, silent := m.grew(shown, "parallelcluster_node_instances_lost_total"), m.grew(shown, "parallelcluster_nodes_not_responding_total")
		return append(lost, silent...).sum("queue").extrapolated()
	},
	"aws-parallelcluster/Health checks before jobs/A": func(m moment) wanted {
		return m.grew(shown, "parallelcluster_compute_health_checks_total").sum("check", "result").extrapolated()
	},
}

// samples is how many samples pages have, by labels of their targets.
func (m moment) samples(by ...string) wanted {
	var all some
	for _, machine := range m.Machines {
		for job, e := range machine.Pages {
			if !machine.There(m.hour) {
				continue
			}
			labels := machine.TargetLabels(job)
			labels["job"] = job
			n := 0.0
			for _, s := range e.Series {
				if machine.Answers(m.hour) && (s.Of == nil || s.Of(m.hour)) {
					n++
				}
			}
			all = append(all, point{labels, n})
		}
	}
	return all.sum(by...)
}

var expectPipeline = expectations{
	"pipeline/Samples waiting/A": sumOf("parascope_delivery_samples_queued", nil),
	"pipeline/Longest wait/A": func(m moment) wanted {
		if m.Faulty {
			return single(1800 + 120).about(121)
		}
		return single(4 + 120).about(121)
	},
	"pipeline/Samples lost/A": func(m moment) wanted {
		return m.grew(shown, "parascope_delivery_samples_dropped_total").sum().orZero().extrapolated()
	},
	"pipeline/Samples uncertain/A": func(m moment) wanted {
		return m.grew(shown, "parascope_delivery_samples_uncertain_total").sum().orZero().extrapolated()
	},
	"pipeline/Targets not answering/A": func(m moment) wanted {
		n := 0.0
		for _, machine := range m.Machines {
			if machine.There(m.hour) && !machine.Answers(m.hour) {
				n += float64(len(machine.Pages))
			}
		}
		return single(n)
	},
	"pipeline/Series refused/A":                     sumOf("parascope_delivery_refused_series", nil),
	"pipeline/Samples per second/A":                 sumOf("parascope_delivery_samples_taken_total", nil),
	"pipeline/Samples per second/B":                 sumOf("parascope_delivery_samples_delivered_total", nil),
	"pipeline/Requests to AMP/A":                    sumOf("parascope_delivery_requests_total", nil, "code"),
	"pipeline/Samples lost per second, by reason/A": sumOf("parascope_delivery_samples_dropped_total", nil, "reason"),
	"pipeline/Queue, share of its limit/A": func(m moment) wanted {
		return m.read("parascope_delivery_queue_bytes").with(m.read("parascope_delivery_queue_max_bytes"), nil, over).sum()
	},
	"pipeline/Samples per scrape, by job/A":    func(m moment) wanted { return m.samples("job") },
	"pipeline/Targets with the most samples/A": func(m moment) wanted { return m.samples("job", "instance").most(15).anyOfThem() },
	"pipeline/Metric families omitted/A":       sumOf("parascope_node_series_left_out", nil, "family"),
	"pipeline/Failed collectors/A": func(m moment) wanted {
		return m.read("node_scrape_collector_success").where(is(0)).sum("instance", "collector")
	},
	"pipeline/Versions/A": func(m moment) wanted { return m.read("parascope_build_info").count("job", "version") },
}
