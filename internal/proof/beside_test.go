package proof

import (
	"github.com/parascope/parascope/internal/collect/page"

	"github.com/parascope/parascope/internal/madeup"
)

// both is the scrape job of node_exporter on machines that our own program measures, too.
const both = "node_exporter"

// again is what a series means that says once more what our own page says: whoever
// computes what a panel must show does not see it.
const again = "measured twice"

// addNodeExporterBeside gives the machine a second target, which measures it in
// node_exporter's shape: a series for each CPU, two cards where ours are summed up, and the
// loopback. No panel may show the machine twice.
func addNodeExporterBeside(m *madeup.Machine) {
	e := m.Page(both)
	copies := func(s *madeup.Series, share float64, labels ...string) {
		var names []string
		for i := 0; i < len(labels); i += 2 {
			names = append(names, labels[i])
		}
		kind := page.Gauge
		if s.Counter {
			kind = page.Counter
		}
		twin := e.Add(stock(s.Name, kind, names...), times(s.Level, share), labels...)
		twin.Canon, twin.Clock = again, s.Clock
	}
	for _, s := range m.Page("node").Series {
		switch {
		case s.Name == "node_cpu_seconds_total":
			copies(s, 1, "cpu", "0", "mode", s.Values[1])
			copies(s, 1, "cpu", "1", "mode", s.Values[1])
		case twice[s.Name] == "card":
			copies(s, 0.5, "device", "eth0")
			copies(s, 0.5, "device", "eth1")
			if s.Name == "node_network_receive_bytes_total" || s.Name == "node_network_transmit_bytes_total" {
				copies(s, 1, "device", "lo")
			}
		case twice[s.Name] != "":
			var labels []string
			for i, l := range s.Labels {
				labels = append(labels, l, s.Values[i])
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
func times(l madeup.Level, share float64) (part madeup.Level) {
	for _, c := range l {
		part = append(part, madeup.Change{From: c.From, Value: c.Value * share})
	}
	return part
}
