package connector

import (
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Options say how a connector works. DefaultOptions has the values to begin with.
type Options struct {
	HTTP   *http.Client // for Grafana's own API; nil: one with a timeout
	Logger *slog.Logger
	Now    func() time.Time
	// Poll is the time between two questions. A quarter of it is the first wait before
	// a request that Grafana refused in passing is tried again.
	Poll time.Duration
	// GrafanaStarts is how long an ACTIVE workspace may refuse: Grafana answers 5xx
	// and 403 before it answers.
	GrafanaStarts time.Duration
	// PermissionsSpread is how long a data source may be unhealthy: a policy that
	// was attached a moment ago is not in force everywhere yet.
	PermissionsSpread time.Duration
	// RulesTaken is how long AMP may need to take the alert rules; Grafana is connected after it.
	RulesTaken time.Duration
}

// DefaultOptions are for AWS, with a log that is discarded. Poll keeps well under the 5
// DescribeWorkspace calls a second that AMG allows.
func DefaultOptions() Options {
	return Options{
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Poll: 2 * time.Second, GrafanaStarts: 2 * time.Minute, PermissionsSpread: 45 * time.Second,
		RulesTaken: time.Minute,
	}
}

// Validate returns what is wrong with the options.
func (o Options) Validate() error {
	switch {
	case o.Logger == nil:
		return errors.New("the connector has no logger")
	case o.Now == nil:
		return errors.New("the connector has no clock")
	case o.Poll <= 0 || o.GrafanaStarts <= 0 || o.PermissionsSpread <= 0 || o.RulesTaken <= 0:
		return errors.New("the waiting times of the connector must be positive")
	}
	return nil
}
