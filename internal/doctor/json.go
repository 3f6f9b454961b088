package doctor

// Document is what --json prints: docs/checks/README.md.
type Document struct {
	Outcome Outcome `json:"outcome"`
	Stack   string  `json:"stack,omitempty"`
	Region  string  `json:"region,omitempty"`
	Host    string  `json:"host,omitempty"`
	Checks  []Entry `json:"checks"`
	Fixes   []Fixed `json:"fixes,omitempty"` // with --fix
}

// Entry is a result in JSON.
type Entry struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Cluster  string   `json:"cluster,omitempty"`
	Status   Status   `json:"status"`
	Summary  string   `json:"summary,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	Because  string   `json:"because,omitempty"`
	Next     string   `json:"next,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Fixed is a repair that was tried.
type Fixed struct {
	Check string `json:"check"`
	What  string `json:"what"`
	Error string `json:"error,omitempty"`
}

// NewDocument puts results into a document.
func NewDocument(all []Result) Document {
	d := Document{Outcome: OutcomeOf(all), Checks: []Entry{}}
	for _, r := range all {
		d.Checks = append(d.Checks, Entry{ID: r.ID, Title: r.Title, Cluster: r.Cluster, Status: r.Status, Summary: r.Summary, Detail: r.Detail,
			Because: r.Because, Next: r.Next, Warnings: r.Warnings})
	}
	return d
}
