package stack

import (
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
)

// Caption says in words what a resource of the template is, from its Metadata;
// "" for those that nobody waits for by name.
func Caption(logicalID string) string {
	all, err := captions()
	if err != nil {
		return "" // a test keeps the template readable
	}
	return all[logicalID]
}

// captions reads the template once: it is part of the program and does not change.
var captions = sync.OnceValues(readCaptions)

func readCaptions() (map[string]string, error) {
	var template struct {
		Resources map[string]struct {
			Metadata struct {
				Parascope struct {
					Caption string `yaml:"caption"`
				} `yaml:"parascope"`
			} `yaml:"Metadata"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(parascope.Template), &template); err != nil {
		return nil, fmt.Errorf("could not read the template: %w", err)
	}
	all := map[string]string{}
	for id, r := range template.Resources {
		if c := r.Metadata.Parascope.Caption; c != "" {
			all[id] = c
		}
	}
	return all, nil
}
