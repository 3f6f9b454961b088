package head

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"

	// Service discoveries register themselves when imported. These are what a
	// cluster needs; all of them together would triple the program. discovery
	// itself brings static_configs.
	_ "github.com/prometheus/prometheus/discovery/aws"
	_ "github.com/prometheus/prometheus/discovery/http"

	"github.com/parascope/parascope/internal/hint"
	remote "github.com/parascope/parascope/internal/receiver"
)

// loaded is a configuration file that can be put in force.
type loaded struct {
	config    *config.Config
	discovery map[string]discovery.Configs // by job
}

var unknownDiscovery = regexp.MustCompile(`field (\w+_sd_configs) not found`)

// load reads a Prometheus configuration file and takes what Prometheus in agent
// mode takes. Errors are hint.BadInput and name the file.
// ignoreRules leaves out rule_files and alerting, which are none of its business.
func load(file string, ignoreRules bool, logger *slog.Logger) (loaded, error) {
	if err := mustBeFile(file); err != nil {
		return loaded{}, err
	}
	c, err := config.LoadFile(file, !ignoreRules, logger)
	if err == nil && ignoreRules {
		if len(c.RemoteReadConfigs) > 0 {
			err = errors.New("field remote_read is not allowed in agent mode")
		}
		c.RuleFiles, c.AlertingConfig = nil, config.AlertingConfig{}
	}
	var scrapes []*config.ScrapeConfig
	if err == nil {
		if err := scrapeFilesReadable(file, c.ScrapeConfigFiles); err != nil {
			return loaded{}, err
		}
		scrapes, err = c.GetScrapeConfigs() // with scrape_config_files
	}
	if err != nil {
		return loaded{}, explain(err, file)
	}
	if err := filesReadable(file, c, scrapes); err != nil {
		return loaded{}, err
	}
	sds := map[string]discovery.Configs{}
	for _, s := range scrapes {
		sds[s.JobName] = s.ServiceDiscoveryConfigs
	}
	return loaded{c, sds}, nil
}

// maxConfig bounds a configuration, in bytes.
const maxConfig = 64 << 20

// mustBeFile refuses what could be read without end, or is waited for: a pipe or a device.
func mustBeFile(file string) error {
	why := notWhole(file, maxConfig)
	if why == "" {
		return nil
	}
	return hint.New(hint.BadInput, fmt.Errorf("configuration %s %s", file, why), "write the configuration to a file, and give that one")
}

// rulesLiveInAMP says where rules and alerts are evaluated, and how they get there.
const rulesLiveInAMP = "rules and alerts are evaluated in the AMP workspace: upload each rule file with " +
	"'aws amp create-rule-groups-namespace --workspace-id ID --name NAME --data fileb://FILE', and the alertmanager's configuration with " +
	"'aws amp create-alert-manager-definition'; then delete rule_files and alerting from the configuration, or ignore both " +
	"sections with --ignore-rules"

func explain(err error, file string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hint.New(hint.BadInput, fmt.Errorf("could not read configuration: %w", err), "give --config.file FILE")
	}
	next := "correct the file; 'parascope head check --config.file FILE' tests it without starting anything"
	if m := unknownDiscovery.FindStringSubmatch(err.Error()); m != nil {
		next = m[1] + " is not supported; use static_configs, file_sd_configs, http_sd_configs or ec2_sd_configs"
	}
	if text := err.Error(); strings.Contains(text, "field rule_files") || strings.Contains(text, "field alerting") {
		next = rulesLiveInAMP
	}
	return hint.New(hint.BadInput, fmt.Errorf("configuration %s: %s", file, remote.PublicText(err.Error())), next)
}
