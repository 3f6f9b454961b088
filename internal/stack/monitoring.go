package stack

// MonitoringType is the template's parameter of this name: which workspaces the stack
// has beside the network. An empty one stands for the template's default, AMPAndAMG.
type MonitoringType string

// The values that the template takes.
const (
	AMPAndAMG MonitoringType = "amp+amg"  // Prometheus and Grafana
	AMPOnly   MonitoringType = "amp-only" // Prometheus
	None      MonitoringType = "none"
)

// MonitoringParameter is the parameter's name.
const MonitoringParameter = "MonitoringType"

// MonitoringOf is the type that a stack with these parameters has.
func MonitoringOf(parameters map[string]string) MonitoringType {
	return MonitoringType(parameters[MonitoringParameter])
}

// HasGrafana reports whether the stack has a Grafana workspace.
func (t MonitoringType) HasGrafana() bool { return t == "" || t == AMPAndAMG }

// HasPrometheus reports whether the stack has a Prometheus workspace.
func (t MonitoringType) HasPrometheus() bool { return t != None }
