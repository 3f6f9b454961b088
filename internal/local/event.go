package local

// Event is one step of Run, for a renderer to draw.
type Event struct {
	Kind    Kind   `json:"event"`
	What    string `json:"what,omitempty"` // cloud, workspace, demo, node, head, grafana
	Address string `json:"address,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Kind is the kind of an Event.
type Kind string

const (
	Started  Kind = "started"  // What answers at Address
	Exited   Kind = "exited"   // a daemon ended although nobody asked it to; Detail says how
	Ready    Kind = "ready"    // a sample of this machine has been queried back; Detail is the data directory
	Stopping Kind = "stopping" // Ctrl-C was seen
	Trouble  Kind = "trouble"  // something that the stack met on its way; Detail says what
)
