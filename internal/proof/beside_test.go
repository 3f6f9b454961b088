package proof

import "github.com/parascope/parascope/internal/collect/page"

// both is the scrape job of node_exporter on machines that our own program measures, too.
const both = "node_exporter"

// again is what a series means that says once more what our own page says: whoever
// computes what a panel must show does not see it.
const again = "measured twice"

// addNodeExporterBeside gives the machine a second target, which measures it in
// node_exporter's shape: a series for each CPU, two cards where ours are summed up, and the
// loopback. No panel may show the machine twice.
func addNodeExporterBeside(m *machine) {
	e := m.page(both)
	copies := func(s *series, share float64, labels ...string) {
		var names []string
		for i := 0; i < len(labels); i += 2 {
			names = append(names, labels[i])
		}
		kind := page.Gauge
		if s.counter {
			kind = page.Counter
		}
		twin := e.add(stock(s.name, kind, names...), times(s.level, share), labels...)
		twin.canon, twin.clock = again, s.clock
	}
	for _, s := range m.page("node").series {
		switch {
		case s.name == "node_cpu_seconds_total":
			copies(s, 1, "cpu", "0", "mode", s.values[1])
			copies(s, 1, "cpu", "1", "mode", s.values[1])
		case twice[s.name] == "card":
			copies(s, 0.5, "device", "eth0")
			copies(s, 0.5, "device", "eth1")
			if s.name == "node_network_receive_bytes_total" || s.name == "node_network_transmit_bytes_total" {
				copies(s, 1, "device", "lo")
			}
		case twice[s.name] != "":
			var labels []string
			for i, l := range s.labels {
				labels = append(labels, l, s.values[i])
			}
			copies(s, 1, labels...)
		}
	}
}

// twice are the families that both have, and what their series are about.
var twice = map[string]string{
	"node_load1": "machine", "node_memory_MemTotal_bytes": "machine", "node_memory_MemAvailable_bytes": "machine",
	"node_pressure_cpu_waiting_seconds_total": "machine", "node_pressure_memory_waiting_seconds_total": "machine",
	"node_pressure_io_waiting_seconds_total": "machine", "node_pressure_memory_stalled_seconds_total": "machine",
	"node_vmstat_oom_kill": "machine", "node_filesystem_size_bytes": "mount", "node_filesystem_avail_bytes": "mount",
	"node_filesystem_device_error": "mount", "node_network_receive_bytes_total": "card", "node_network_transmit_bytes_total": "card",
	"node_network_receive_errs_total": "card", "node_network_receive_drop_total": "card", "node_network_transmit_errs_total": "card",
	"node_network_transmit_drop_total": "card", "node_disk_read_bytes_total": "disk", "node_disk_written_bytes_total": "disk",
	"node_disk_io_time_seconds_total": "disk",
}

// times is a share of the quantity.
func times(l level, share float64) (part level) {
	for _, c := range l {
		part = append(part, change{from: c.from, value: c.value * share})
	}
	return part
}
