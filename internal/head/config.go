package head

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"

	// Service discoveries register themselves when imported. These are what a
	// cluster needs; all of them together would triple the program. discovery
	// itself brings static_configs.
	_ "github.com/prometheus/prometheus/discovery/aws"
	_ "github.com/prometheus/prometheus/discovery/file"
	_ "github.com/prometheus/prometheus/discovery/http"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/ship"
)

// loaded is a configuration file that can be put in force.
type loaded struct {
	config    *config.Config
	discovery map[string]discovery.Configs // by job
}

var unknownDiscovery = regexp.MustCompile(`field (\w+_sd_configs) not found`)

// load reads a Prometheus configuration file and takes what Prometheus in agent
// mode takes. Errors are hint.BadInput and name the file.
func load(file string, logger *slog.Logger) (loaded, error) {
	c, err := config.LoadFile(file, true, logger)
	var scrapes []*config.ScrapeConfig
	if err == nil {
		// This reads scrape_config_files, too.
		scrapes, err = c.GetScrapeConfigs()
	}
	if err != nil {
		return loaded{}, explain(err, file)
	}
	sds := map[string]discovery.Configs{}
	for _, s := range scrapes {
		sds[s.JobName] = s.ServiceDiscoveryConfigs
	}
	return loaded{c, sds}, nil
}

func explain(err error, file string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hint.New(hint.BadInput, fmt.Errorf("read configuration: %w", err), "give --config.file FILE")
	}
	next := "correct the file; 'parascope head check --config.file FILE' tests it without starting anything"
	if m := unknownDiscovery.FindStringSubmatch(err.Error()); m != nil {
		next = m[1] + " is not built in; use static_configs, file_sd_configs, http_sd_configs or ec2_sd_configs"
	}
	return hint.New(hint.BadInput, fmt.Errorf("configuration %s: %w", file, err), next)
}

// Summary counts what a configuration file asks for.
type Summary struct {
	Jobs         int `json:"jobs"`
	RemoteWrites int `json:"remote_writes"`
	// Notes are about keys that mean something else here than in Prometheus.
	Notes []string `json:"notes,omitempty"`
}

// Check reads a configuration file as a head would, and starts nothing.
func Check(ctx context.Context, file string) (Summary, error) {
	l, err := load(file, slog.New(slog.DiscardHandler))
	if err != nil {
		return Summary{}, err
	}
	notes, err := ship.Check(ctx, l.config)
	if err != nil {
		return Summary{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	return Summary{Jobs: len(l.discovery), RemoteWrites: len(l.config.RemoteWriteConfigs), Notes: notes}, nil
}
