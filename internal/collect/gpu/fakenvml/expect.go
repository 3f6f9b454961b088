package fakenvml

import (
	"strconv"
	"strings"
)

// conversion is how a value of dcgm-exporter's comes from NVML, by the reference of
// DCGM's fields: the table's key, and what the number is multiplied with and divided by.
type conversion struct {
	key        string
	times, per float64
}

var conversions = map[string]conversion{
	"DCGM_FI_DEV_GPU_UTIL":                          {"util.gpu", 1, 1},
	"DCGM_FI_DEV_MEM_COPY_UTIL":                     {"util.mem", 1, 1},
	"DCGM_FI_DEV_GPU_TEMP":                          {"temp", 1, 1},
	"DCGM_FI_DEV_GPU_TEMP_LIMIT":                    {"margin", 1, 1},
	"DCGM_FI_DEV_POWER_USAGE":                       {"power", 1, 1000}, // mW to W
	"DCGM_FI_DEV_ENFORCED_POWER_LIMIT":              {"powerlimit", 1, 1000},
	"DCGM_FI_DEV_CLOCKS_EVENT_REASONS":              {"reasons", 1, 1},
	"DCGM_FI_DEV_THERMAL_VIOLATION":                 {"f.75", 1, 1},           // ns
	"DCGM_FI_DEV_FB_USED":                           {"mem.used", 1, 1048576}, // bytes to MiB
	"DCGM_FI_DEV_FB_FREE":                           {"mem.free", 1, 1048576},
	"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL":                 {"f.4", 1, 1},
	"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS":       {"f.143", 1, 1},
	"DCGM_FI_DEV_ROW_REMAP_FAILURE":                 {"f.145", 1, 1},
	"DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL": {"f.59", 1, 1},
	"DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES":             {"f.138.4294967295", 1024, 1}, // KiB to bytes
	"DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES":             {"f.139.4294967295", 1024, 1},
	"DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION":           {"f.230", 1, 1},
}

var fullConversions = map[string]conversion{
	"DCGM_FI_DEV_SM_CLOCK":                          {"smclock", 1, 1},
	"DCGM_FI_DEV_MEM_CLOCK":                         {"memclock", 1, 1},
	"DCGM_FI_DEV_MEMORY_TEMP":                       {"f.82", 1, 1},
	"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION":          {"f.83", 1, 1}, // mJ
	"DCGM_FI_DEV_PCIE_REPLAY_COUNTER":               {"replays", 1, 1},
	"DCGM_FI_DEV_ENC_UTIL":                          {"encoder", 1, 1},
	"DCGM_FI_DEV_DEC_UTIL":                          {"decoder", 1, 1},
	"DCGM_FI_DEV_FB_RESERVED":                       {"mem.reserved", 1, 1048576},
	"DCGM_FI_DEV_FB_TOTAL":                          {"mem.total", 1, 1048576},
	"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS":         {"f.142", 1, 1},
	"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL":                 {"f.3", 1, 1},
	"DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": {"f.38", 1, 1},
	"DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL": {"f.45", 1, 1},
	"DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL":   {"f.52", 1, 1},
	"DCGM_FI_DEV_POWER_VIOLATION":                   {"f.74", 1, 1},
}

// instanceFields are per GPU instance where a GPU is in MIG mode.
var instanceFields = []string{"DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED", "DCGM_FI_DEV_FB_TOTAL"}

// profiled are the metrics of GPM, and their units: percent to a ratio, MiB/s to bytes/s.
var profiled = map[string]conversion{
	"DCGM_FI_PROF_SM_ACTIVE":          {"2", 1, 100},
	"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": {"5", 1, 100},
	"DCGM_FI_PROF_DRAM_ACTIVE":        {"10", 1, 100},
}

var fullProfiled = map[string]conversion{
	"DCGM_FI_PROF_GR_ENGINE_ACTIVE":        {"1", 1, 100},
	"DCGM_FI_PROF_SM_OCCUPANCY":            {"3", 1, 100},
	"DCGM_FI_PROF_PIPE_FP64_ACTIVE":        {"11", 1, 100},
	"DCGM_FI_PROF_PIPE_FP32_ACTIVE":        {"12", 1, 100},
	"DCGM_FI_PROF_PIPE_FP16_ACTIVE":        {"13", 1, 100},
	"DCGM_FI_PROF_PIPE_TENSOR_IMMA_ACTIVE": {"9", 1, 100},
	"DCGM_FI_PROF_PIPE_TENSOR_HMMA_ACTIVE": {"7", 1, 100},
	"DCGM_FI_PROF_PIPE_TENSOR_DFMA_ACTIVE": {"6", 1, 100},
	"DCGM_FI_PROF_PIPE_INT_ACTIVE":         {"4", 1, 100},
	"DCGM_FI_PROF_PCIE_TX_BYTES":           {"20", 1048576, 1},
	"DCGM_FI_PROF_PCIE_RX_BYTES":           {"21", 1048576, 1},
	"DCGM_FI_PROF_NVLINK_RX_BYTES":         {"60", 1048576, 1},
	"DCGM_FI_PROF_NVLINK_TX_BYTES":         {"61", 1048576, 1},
}

// Expect computes the DCGM_FI_* samples of a page of table: by name and labels, as the
// text format writes them. begin is the table at the last window's begin, nil before a
// window has ended.
func Expect(table, begin Table, hostname string, full bool) map[string]float64 {
	samples := map[string]float64{}
	count, _ := strconv.Atoi(table["count"])
	for gpu := range count {
		prefix := strconv.Itoa(gpu) + "."
		if table[prefix+"handle"] != "0" {
			continue
		}
		mig := table[prefix+"mig"] == "1"
		labels := table.labels(gpu, hostname)
		for _, set := range sets(full, conversions, fullConversions) {
			for name, c := range set {
				if mig && contains(instanceFields, name) {
					continue
				}
				expect(samples, name+"{"+labels+"}", table[prefix+c.key], c)
			}
		}
		if tx, rx := "f.138.4294967295", "f.139.4294967295"; full && begin != nil {
			kibibytes := table.typed(prefix+tx) + table.typed(prefix+rx) - begin.typed(prefix+tx) - begin.typed(prefix+rx)
			samples["DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL{"+labels+"}"] = kibibytes / 15 / 1000 // tables are 15 s apart
		}
		for _, set := range sets(full, profiled, fullProfiled) {
			for name, c := range set {
				if !mig {
					window(samples, name+"{"+labels+"}", table, begin, prefix+"gpm.", c)
				}
			}
		}
		for place := range 8 {
			part := prefix + "mig." + strconv.Itoa(place) + "."
			gi := table[part+"gi"]
			if !mig || gi == "" {
				continue
			}
			labels := labels + `,GPU_I_PROFILE="` + profiles[table[part+"memorymb"]] + `",GPU_I_ID="` + gi + `"`
			for _, name := range instanceFields {
				for _, set := range sets(full, conversions, fullConversions) {
					if c, known := set[name]; known {
						expect(samples, name+"{"+labels+"}", table[part+c.key], c)
					}
				}
			}
			for _, set := range sets(full, profiled, fullProfiled) {
				for name, c := range set {
					if !strings.HasSuffix(name, "_BYTES") { // links are the whole GPU's
						window(samples, name+"{"+labels+"}", table, begin, prefix+"gi."+gi+".gpm.", c)
					}
				}
			}
		}
	}
	return samples
}

// profiles are an H100's with 80 GB, by their memory, as nvidia-smi prints them.
var profiles = map[string]string{"40448": "3g.40gb", "20096": "2g.20gb", "9984": "1g.10gb"}

// typed is the number of a field value.
func (t Table) typed(key string) float64 {
	_, text, _ := strings.Cut(t[key], " ")
	v, _ := strconv.ParseFloat(text, 64)
	return v
}

// labels are those of a GPU, from what the table says of it.
func (t Table) labels(gpu int, hostname string) string {
	p := strconv.Itoa(gpu) + "."
	return `gpu="` + strconv.Itoa(gpu) + `",UUID="` + t[p+"uuid"] + `",pci_bus_id="` + t[p+"bus"] + `",device="nvidia` + t[p+"minor"] +
		`",modelName="` + t[p+"name"] + `",Hostname="` + hostname + `"`
}

func sets(full bool, some, more map[string]conversion) []map[string]conversion {
	if full {
		return []map[string]conversion{some, more}
	}
	return []map[string]conversion{some}
}

// expect adds a sample unless the table has no number for it.
func expect(samples map[string]float64, name, text string, c conversion) {
	if _, number, typed := strings.Cut(text, " "); typed {
		text = number
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		samples[name] = v * c.times / c.per
	}
}

// window adds the mean between two tables' counters.
func window(samples map[string]float64, name string, end, begin Table, prefix string, c conversion) {
	number := func(t Table, key string) float64 {
		v, _ := strconv.ParseFloat(t[prefix+key], 64)
		return v
	}
	if begin == nil || end[prefix+c.key] == "" || begin[prefix+c.key] == "" {
		return
	}
	mean := (number(end, c.key) - number(begin, c.key)) / (number(end, "seconds") - number(begin, "seconds"))
	samples[name] = mean * c.times / c.per
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}
